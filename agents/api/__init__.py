"""What people look at and call: REST, live updates and the page. Loopback unless a token and TLS are set."""
