"""Whom runs hold up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "impacts",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("host", _text(191), nullable=False),
        sa.Column("pipeline_id", _text(191), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("cause", _text(64), nullable=False),
        sa.Column("delay_seconds", sa.Double(), nullable=False),
        sa.Column(
            "body", sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4"), "mysql", "mariadb"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_impacts")),
    )
    op.create_index(op.f("ix_impacts_run_id"), "impacts", ["run_id"])
    op.create_index(op.f("ix_impacts_time"), "impacts", ["time"])


def downgrade() -> None:
    op.drop_table("impacts")
