#!/bin/bash
# The broker of docker-compose.yml: one KRaft node, TLS on every listener, SCRAM users, rights by ACL and none by default.
# Certificates and passwords are files; users are made when the data folder is formatted, that is at the first start.
# Later: kafka-configs.sh --alter --entity-type users --entity-name buildcast-ROLE --add-config 'SCRAM-SHA-512=[...]'.
set -eu
umask 077
home="${KAFKA_HOME:-/opt/kafka}" data="${KAFKA_DATA:-/var/lib/kafka/data}"
secrets="${KAFKA_SECRETS:-/run/secrets}" config="${KAFKA_PROPERTIES:-/tmp/server.properties}"
inner="${KAFKA_INNER:-kafka:9092}" host="${KAFKA_HOST:-127.0.0.1:9094}" controller="${KAFKA_CONTROLLER:-127.0.0.1:9093}"
password() { tr -d '\n' < "$secrets/kafka_$1"; }
login="org.apache.kafka.common.security.scram.ScramLoginModule required"

cat > "$config" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$controller
listeners=INNER://:${inner##*:},HOST://:${host##*:},CONTROLLER://$controller
advertised.listeners=INNER://$inner,HOST://$host
listener.security.protocol.map=INNER:SASL_SSL,HOST:SASL_SSL,CONTROLLER:SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=INNER
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.inner.scram-sha-512.sasl.jaas.config=$login username="buildcast-broker" password="$(password broker)";
listener.name.host.scram-sha-512.sasl.jaas.config=$login;
ssl.keystore.type=PEM
ssl.keystore.location=$secrets/kafka_tls
ssl.truststore.type=PEM
ssl.truststore.location=$secrets/kafka_ca
listener.name.controller.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:buildcast-operator;User:buildcast-broker;User:CN=buildcast-broker
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
message.max.bytes=2097152
log.dirs=$data
END

if [ ! -e "$data/meta.properties" ]; then
  users=()
  for role in broker operator collector worker sink trainer notifier api; do
    users+=(--add-scram "SCRAM-SHA-512=[name=buildcast-$role,password=$(password "$role")]")
  done
  "$home/bin/kafka-storage.sh" format -t YnVpbGRjYXN0LWNsdXN0ZQ -c "$config" "${users[@]}" >/dev/null  # it would print keys
fi
exec "$home/bin/kafka-server-start.sh" "$config"
