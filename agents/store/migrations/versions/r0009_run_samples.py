"""What runs used over time, thinned: the resource picture of a run. Open vulnerabilities are found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _text(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "run_samples",
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("elapsed_seconds", sa.Double(), nullable=False),
        sa.Column("cpu_ratio", sa.Double(), nullable=False),
        sa.Column("rss_bytes", sa.Double(), nullable=False),
        sa.Column("version", _text(220), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "slot", name=op.f("pk_run_samples")),
    )
    op.create_index(op.f("ix_run_samples_time"), "run_samples", ["time"])
    op.create_index("ix_vulnerabilities_cleared", "vulnerabilities", ["cleared"])


def downgrade() -> None:
    op.drop_index("ix_vulnerabilities_cleared", "vulnerabilities")
    op.drop_table("run_samples")
