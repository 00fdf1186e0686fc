"""Finished builds from elsewhere, as events: one pure parser a format, ids made from the record."""
