-- One user a role. {database} and {host} are filled in; passwords are parameters, never text of this file.
CREATE USER IF NOT EXISTS 'buildcast_migrate'@'{host}' IDENTIFIED BY :migrate;
CREATE USER IF NOT EXISTS 'buildcast_sink'@'{host}' IDENTIFIED BY :sink;
CREATE USER IF NOT EXISTS 'buildcast_read'@'{host}' IDENTIFIED BY :read;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON {database}.* TO 'buildcast_migrate'@'{host}';
GRANT SELECT, INSERT, UPDATE ON {database}.* TO 'buildcast_sink'@'{host}';
GRANT SELECT ON {database}.* TO 'buildcast_read'@'{host}';
