"""Back-up in files that any later version can read: rows by table, records of the topics that are the models."""
