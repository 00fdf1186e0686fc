"""Indexes for what the API and the page ask."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEXES = (
    ("runs", "finished_at", ["finished_at", "started_at"]),
    ("runs", "project_started_at", ["project", "started_at"]),
    ("audit", "subject", ["subject", "time"]),
    ("audit", "action", ["action", "time"]),
    ("outcomes", "project", ["project", "name", "known_at"]),
    ("anomalies", "time", ["time"]),
    ("findings", "time", ["time"]),
    ("label_revisions", "time", ["time"]),
    ("ensemble_weights", "time", ["time"]),
    ("drift", "time", ["time"]),
)


def upgrade() -> None:
    for table, name, columns in _INDEXES:
        op.create_index(f"ix_{table}_{name}", table, columns)


def downgrade() -> None:
    for table, name, _ in reversed(_INDEXES):
        op.drop_index(f"ix_{table}_{name}", table_name=table)
