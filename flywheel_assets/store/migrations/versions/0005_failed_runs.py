"""creatives asked for over HTTP: why the last run failed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "creatives",
        sa.Column(
            "failure",
            sa.Text(),
            nullable=True,
            comment="why the last run that was asked for failed; null where none did since the last ask",
        ),
    )
