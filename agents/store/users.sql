-- One user a role. {database} and {host} are filled in; passwords are parameters, never text of this file.
CREATE USER IF NOT EXISTS 'buildcast_migrate'@'{host}' IDENTIFIED BY :migrate;
CREATE USER IF NOT EXISTS 'buildcast_sink'@'{host}' IDENTIFIED BY :sink;
CREATE USER IF NOT EXISTS 'buildcast_read'@'{host}' IDENTIFIED BY :read;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW ON {database}.* TO 'buildcast_migrate'@'{host}';
-- Rows of the audit trail are added, never changed. A right on a table that is not there yet needs CREATE beside it;
-- the right to update everything, which the sink once had, is taken away.
GRANT SELECT, INSERT ON {database}.* TO 'buildcast_sink'@'{host}';
GRANT UPDATE ON {database}.* TO 'buildcast_sink'@'{host}';
REVOKE UPDATE ON {database}.* FROM 'buildcast_sink'@'{host}';
GRANT CREATE, UPDATE ON {database}.{table} TO 'buildcast_sink'@'{host}';
REVOKE CREATE ON {database}.{table} FROM 'buildcast_sink'@'{host}';
GRANT SELECT ON {database}.* TO 'buildcast_read'@'{host}';
