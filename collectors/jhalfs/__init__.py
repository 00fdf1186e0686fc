"""Linux From Scratch builds made by jhalfs, followed from outside: logs, stamps and make's own output."""
