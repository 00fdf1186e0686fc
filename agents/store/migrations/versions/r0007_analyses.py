"""What held runs back, and what would save time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _text(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "analyses",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("run_id", _text(191), nullable=False),
        sa.Column("name", _text(191), nullable=False),
        sa.Column("project", _text(191), nullable=False),
        sa.Column("host", _text(191), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("saving_seconds", sa.Double(), nullable=False),
        sa.Column(
            "body", sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4"), "mysql", "mariadb"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyses")),
    )
    op.create_index(op.f("ix_analyses_run_id"), "analyses", ["run_id"])
    op.create_index(op.f("ix_analyses_time"), "analyses", ["time"])
    op.create_index("ix_analyses_project", "analyses", ["project", "time"])


def downgrade() -> None:
    op.drop_table("analyses")
