"""A plain Kafka consumer of alerts: no group, nothing of Buildcast's but the topic; every alert as one line.

    python examples/consume_alerts.py BOOTSTRAP [COUNT]      with COUNT it ends after so many

The same with kcat:
    kcat -b BOOTSTRAP -t alerts.v1 -C -o end -u -f '%s\\n' |
      jq --unbuffered 'select(.type | contains("alert.raised")).data.customData | {name, risk, reasons}'
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer


async def main(bootstrap: str, count: int = 0) -> None:
    """Print alerts as they are raised."""
    consumer = AIOKafkaConsumer("alerts.v1", bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        seen = 0
        async for record in consumer:
            # Each record is a CloudEvent that carries a CDEvent; its type is a header too, so others need no parsing.
            if b".buildcast-alert.raised." not in dict(record.headers).get("ce_type", b""):
                continue
            event = json.loads(record.value)  # our fields are its customData
            print(line(event["data"]["customData"]), flush=True)
            seen += 1
            if seen == count:
                return
    finally:
        await consumer.stop()


def line(alert: dict[str, Any]) -> str:
    """One alert in a line."""
    why = "; ".join(reason["text"] for reason in alert.get("reasons", []))
    return f"{alert['name']} is at {alert['risk']:.0%}: {why}"


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
