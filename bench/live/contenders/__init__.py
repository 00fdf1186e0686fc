"""One process a contender: each reads the same topic, does the same task and prints what it took as one JSON line."""
