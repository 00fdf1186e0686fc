"""Members of the failure ensemble: River classifiers that differ in kind. See `table.py` for which there are."""
