#!/bin/bash
# Runs once in the database's container: a user who migrates, one who writes rows, one who reads. Passwords are files.
set -eu
password() { tr -d '\n' < "/run/secrets/$1"; }
case "$(password mysql_migrate)$(password mysql_sink)$(password mysql_read)" in
  *[!A-Za-z0-9_-]*) echo "database passwords may hold letters, digits, _ and - only" >&2; exit 1 ;;
esac
# All but the audit trail, whose rows are added and never changed. A right on a table that is not there yet needs CREATE.
tables="advisories advisory_products alerts analyses anomalies daily_outcomes drift ensemble_weights feed_positions findings
host_samples impacts label_revisions model_versions outcomes
pipelines predictions run_samples runs signals steps training_runs vulnerabilities"
changeable() {
  for table in $tables; do
    echo "GRANT CREATE, UPDATE ON buildcast.$table TO 'buildcast_sink'@'%';"
    echo "REVOKE CREATE ON buildcast.$table FROM 'buildcast_sink'@'%';"
  done
}
MYSQL_PWD="$(password mysql_root)" mysql --user=root <<SQL
CREATE USER 'buildcast_migrate'@'%' IDENTIFIED BY '$(password mysql_migrate)';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW ON buildcast.* TO 'buildcast_migrate'@'%';
CREATE USER 'buildcast_sink'@'%' IDENTIFIED BY '$(password mysql_sink)';
GRANT SELECT, INSERT ON buildcast.* TO 'buildcast_sink'@'%';
$(changeable)
CREATE USER 'buildcast_read'@'%' IDENTIFIED BY '$(password mysql_read)';
GRANT SELECT ON buildcast.* TO 'buildcast_read'@'%';
SQL
