"""creatives asked for over HTTP: options, the run that is wanted, renders in several shapes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "creatives",
        sa.Column(
            "options",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="creative.options.Options; null where nobody asked for anything",
        ),
    )
    op.add_column(
        "creatives",
        sa.Column(
            "asked_run",
            sa.Integer(),
            nullable=True,
            comment="the attempt that was asked for over HTTP, until its run is seen",
        ),
    )
    op.add_column("renders", sa.Column("ratio", sa.Text(), server_default="9:16", nullable=False))
    op.add_column(
        "renders",
        sa.Column(
            "leads",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="whether it is the one published",
        ),
    )
    op.drop_constraint(op.f("pk_renders"), "renders", type_="primary")
    op.create_primary_key(op.f("pk_renders"), "renders", ["creative_id", "key", "ratio"])
