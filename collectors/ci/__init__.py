"""What CI systems say about their jobs, pushed (webhooks) or pulled (REST), as events with ids of the job's own."""
