#!/bin/bash
# Makes the secrets that docker-compose.yml reads, in ./secrets or the folder given; what is there is kept.
set -eu
folder="${1:-secrets}"
umask 077
mkdir -p "$folder"
cd "$folder"
secret() { [ -s "$1" ] || openssl rand -hex 24 | tr -d '\n' > "$1"; }
for name in mysql_root mysql_migrate mysql_sink mysql_read buildcast_snapshot_key grafana_admin alert_receiver_token notify_webhook_secret \
  kafka_broker kafka_operator kafka_collector kafka_worker kafka_sink kafka_trainer kafka_notifier kafka_api; do
  secret "$name"
done
for pair in migrate:migrate sink:sink api:sink read:read; do
  [ -s "database_${pair%%:*}" ] || printf 'mysql+aiomysql://buildcast_%s:%s@mysql:3306/buildcast' \
    "${pair##*:}" "$(cat "mysql_${pair##*:}")" > "database_${pair%%:*}"
done
[ -s api_tls.key ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
  -subj /CN=buildcast -addext "subjectAltName=DNS:api,DNS:localhost,IP:127.0.0.1" \
  -keyout api_tls.key -out api_tls.pem 2>/dev/null
# The broker's certificate, signed by an authority of its own; clients trust kafka_ca.
ec="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365"
if [ ! -s kafka_tls ]; then
  openssl req -x509 $ec -subj /CN=buildcast-authority -keyout kafka_ca.key -out kafka_ca 2>/dev/null
  openssl req $ec -subj /CN=buildcast-broker -keyout kafka.key -out kafka.csr 2>/dev/null
  openssl x509 -req -in kafka.csr -CA kafka_ca -CAkey kafka_ca.key -CAcreateserial -days 365 -out kafka.pem \
    -extfile <(echo "subjectAltName=DNS:kafka,DNS:localhost,IP:127.0.0.1") 2>/dev/null
  cat kafka.key kafka.pem > kafka_tls
  rm -f kafka.key kafka.csr kafka.pem kafka_ca.srl
fi
touch api_tokens.jsonl
if [ ! -s api_metrics_token ]; then  # Prometheus's, who may only read
  secret api_metrics_token
  chmod u+w api_tokens.jsonl
  printf '{"name":"prometheus","role":"read","sha256":"%s"}\n' "$(sha256sum < api_metrics_token | cut -d' ' -f1)" >> api_tokens.jsonl
fi
# The containers run as other users than you; the folder itself is closed to all but its owner.
chmod 0444 ./*
chmod 0644 api_tokens.jsonl  # tokens are added to it
chmod 0400 kafka_ca.key  # no container needs it
chmod 0700 .
echo "secrets are in $(pwd); add the first API token with: buildcast api --tokens $folder/api_tokens.jsonl --new-token NAME --role admin"
