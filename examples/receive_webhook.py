"""A receiver of signed alerts, in the standard library alone: checks the signature and the age, prints the title.

    NOTIFY_SECRET=... python examples/receive_webhook.py [PORT]

`buildcast notify` sends there with BUILDCAST_NOTIFY_WEBHOOK_URL=http://127.0.0.1:PORT/ and the same secret in
BUILDCAST_NOTIFY_WEBHOOK_SECRET. `webhook-id` is the same when a notice comes again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer


def is_ours(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> bool:
    """Whether the body was signed with the secret, not longer than five minutes ago."""
    sent = headers.get("webhook-timestamp", "0")
    signed = f"{headers.get('webhook-id', '')}.{sent}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()
    fresh = sent.isdigit() and abs(now - int(sent)) < 300
    return fresh and hmac.compare_digest(expected, headers.get("webhook-signature", ""))


class Handler(BaseHTTPRequestHandler):
    """Answers 204 to what is ours, 401 to anything else."""

    def do_POST(self) -> None:
        """Take one notice."""
        body = self.rfile.read(min(1_000_000, int(self.headers.get("content-length", "0"))))
        ours = is_ours(self.headers, body, os.environ["NOTIFY_SECRET"], time.time())
        if ours:
            print(json.loads(body)["title"], flush=True)
        self.send_response(204 if ours else 401)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8099), Handler).serve_forever()
