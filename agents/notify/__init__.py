"""Alerts to people: signed webhook, e-mail, Slack-compatible; deduplicated, rate-limited, quiet at night, retried."""
