"""One module a resource; each holds a router and nothing else that others need."""
