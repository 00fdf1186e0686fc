#!/bin/bash
# Runs once in the database's container: a user who migrates, one who writes rows, one who reads. Passwords are files.
set -eu
password() { tr -d '\n' < "/run/secrets/$1"; }
case "$(password mysql_migrate)$(password mysql_sink)$(password mysql_read)" in
  *[!A-Za-z0-9_-]*) echo "database passwords may hold letters, digits, _ and - only" >&2; exit 1 ;;
esac
MYSQL_PWD="$(password mysql_root)" mysql --user=root <<SQL
CREATE USER 'buildcast_migrate'@'%' IDENTIFIED BY '$(password mysql_migrate)';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON buildcast.* TO 'buildcast_migrate'@'%';
CREATE USER 'buildcast_sink'@'%' IDENTIFIED BY '$(password mysql_sink)';
GRANT SELECT, INSERT, UPDATE ON buildcast.* TO 'buildcast_sink'@'%';
CREATE USER 'buildcast_read'@'%' IDENTIFIED BY '$(password mysql_read)';
GRANT SELECT ON buildcast.* TO 'buildcast_read'@'%';
SQL
