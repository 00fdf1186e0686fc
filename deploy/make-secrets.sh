#!/bin/bash
# Makes the secrets that docker-compose.yml reads, in ./secrets or the folder given; what is there is kept.
set -eu
folder="${1:-secrets}"
umask 077
mkdir -p "$folder"
cd "$folder"
secret() { [ -s "$1" ] || openssl rand -hex 24 | tr -d '\n' > "$1"; }
for name in mysql_root mysql_migrate mysql_sink mysql_read buildcast_snapshot_key grafana_admin alert_receiver_token; do
  secret "$name"
done
for pair in migrate:migrate sink:sink api:sink; do
  [ -s "database_${pair%%:*}" ] || printf 'mysql+aiomysql://buildcast_%s:%s@mysql:3306/buildcast' \
    "${pair##*:}" "$(cat "mysql_${pair##*:}")" > "database_${pair%%:*}"
done
[ -s api_tls.key ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
  -subj /CN=buildcast -addext "subjectAltName=DNS:api,DNS:localhost,IP:127.0.0.1" \
  -keyout api_tls.key -out api_tls.pem 2>/dev/null
touch api_tokens.jsonl
# The containers run as other users than you; the folder itself is closed to all but its owner.
chmod 0444 ./*
chmod 0644 api_tokens.jsonl  # tokens are added to it
chmod 0700 .
echo "secrets are in $(pwd); add the first API token with: buildcast api --tokens $folder/api_tokens.jsonl --new-token NAME --role admin"
