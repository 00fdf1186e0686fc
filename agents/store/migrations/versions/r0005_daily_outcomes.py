"""Outcomes by day, kept when old rows go; indexes by time for what goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _text(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "daily_outcomes",
        sa.Column("day", _text(10), nullable=False),
        sa.Column("project", _text(191), nullable=False),
        sa.Column("name", _text(191), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("forecasts", sa.Integer(), nullable=False),
        sa.Column("scored", sa.Integer(), nullable=False),
        sa.Column("first_squares", sa.Double(), nullable=False),
        sa.Column("last_squares", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("day", "project", "name", name=op.f("pk_daily_outcomes")),
    )
    op.create_index(op.f("ix_steps_started_at"), "steps", ["started_at"])
    op.create_index(op.f("ix_signals_time"), "signals", ["time"])


def downgrade() -> None:
    op.drop_index(op.f("ix_signals_time"), "signals")
    op.drop_index(op.f("ix_steps_started_at"), "steps")
    op.drop_table("daily_outcomes")
