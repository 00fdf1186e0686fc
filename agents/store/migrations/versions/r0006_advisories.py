"""What vulnerability feeds said, for a whole site."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _text(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def _long() -> sa.Text:
    return sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4"), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "advisories",
        sa.Column("id", _text(191), nullable=False),
        sa.Column("modified", _text(191), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advisories")),
    )
    op.create_table(
        "advisory_products",
        sa.Column("product", _text(191), nullable=False),
        sa.Column("advisory_id", _text(191), nullable=False),
        sa.PrimaryKeyConstraint("product", "advisory_id", name=op.f("pk_advisory_products")),
    )
    op.create_table(
        "feed_positions",
        sa.Column("feed", _text(191), nullable=False),
        sa.Column("body", _long(), nullable=False),
        sa.Column("version", _text(220), nullable=False),
        sa.PrimaryKeyConstraint("feed", name=op.f("pk_feed_positions")),
    )


def downgrade() -> None:
    for table in ("feed_positions", "advisory_products", "advisories"):
        op.drop_table(table)
