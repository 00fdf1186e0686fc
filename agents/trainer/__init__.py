"""The trainer: its own process beside the workers, which nothing waits for."""
