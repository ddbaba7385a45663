"""scenes: which frames at their ends are mixed with their neighbours."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Of scenes that are there, nobody looked for mixed frames: they count as their own."""
    for name, comment in (
        ("fade_in_frames", "mixed with what was before"),
        ("fade_out_frames", "mixed with what follows"),
    ):
        op.add_column(
            "scenes", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False, comment=comment)
        )
    for name in ("clean_start_seconds", "clean_end_seconds"):
        op.add_column("scenes", sa.Column(name, sa.Float(), nullable=True))
    op.execute("update scenes set clean_start_seconds = start_seconds, clean_end_seconds = end_seconds")
    for name in ("clean_start_seconds", "clean_end_seconds"):
        op.alter_column("scenes", name, nullable=False)
    op.create_check_constraint(
        op.f("ck_scenes_fades_inside"), "scenes", "fade_in_frames + fade_out_frames <= end_frame - start_frame"
    )
