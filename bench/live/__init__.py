"""The live path on a real broker, measured: against peers, in time, in size, and where its time goes.

`python -m bench.live [--section NAME ...] [--quick]` writes .cache/bench/live-NAME.json for each section;
`python -m bench.performance` makes docs/performance.md of them.
"""
