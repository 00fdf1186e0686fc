"""Alembic's entry: runs over the connection that `agents.store.database.migrate` hands in."""

from __future__ import annotations

from alembic import context

from agents.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
