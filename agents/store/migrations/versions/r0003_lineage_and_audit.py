"""Where a model version comes from, and what a change changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def _columns() -> list[tuple[str, sa.Column[object]]]:
    long = sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4"), "mysql", "mariadb")
    return [
        ("audit", sa.Column("before_value", long, nullable=True)),
        ("audit", sa.Column("after_value", long, nullable=True)),
        ("model_versions", sa.Column("sha256", _text(64), nullable=True)),
        ("model_versions", sa.Column("code_version", _text(64), nullable=True)),
        ("model_versions", sa.Column("river_version", _text(64), nullable=True)),
        ("model_versions", sa.Column("trigger_kind", _text(64), nullable=True)),
        ("model_versions", sa.Column("training_id", _text(191), nullable=True)),
        ("model_versions", sa.Column("training_seconds", sa.Double(), nullable=True)),
    ]


def upgrade() -> None:
    """Add the columns; older rows say nothing of them."""
    for table, column in _columns():
        op.add_column(table, column)


def downgrade() -> None:
    """Take them away again."""
    for table, column in reversed(_columns()):
        op.drop_column(table, column.name)
