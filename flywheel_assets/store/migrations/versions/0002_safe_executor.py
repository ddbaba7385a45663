"""the safe executor in full: lanes, undo, breaker, alerts, a person's edits, upload sessions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False, comment="short stable name, e.g. auth, overspend"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "stopped", sa.Boolean(), nullable=False, comment="whether it stopped the account's calls or its spend"
        ),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.Column(
            "closed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a person said it is dealt with, or what it told of has passed",
        ),
        sa.Column(
            "noticed_real", sa.DateTime(timezone=True), nullable=True, comment="when it was posted to the webhook"
        ),
        sa.Column("notice_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "notice_retry_real",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="before then nobody posts it: somebody just tries, or failed",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_alerts_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(
        "uq_alerts_open", "alerts", ["account_id", "rule"], unique=True, postgresql_where=sa.text("closed_at is null")
    )
    op.create_table(
        "account_holds",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "refused",
            sa.Boolean(),
            nullable=False,
            comment="by the platform; our own pacing lets safety pauses through",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_account_holds_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_holds")),
    )
    op.create_table(
        "breakers",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False, comment="in a row, over all changes of the account"),
        sa.Column(
            "retry_real",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="open: when one probe may go; half_open: when the probe counts as lost",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="the last failure"),
        sa.CheckConstraint("(state = 'closed') = (retry_real is null)", name=op.f("ck_breakers_waits_until")),
        sa.CheckConstraint("state in ('closed', 'open', 'half_open')", name=op.f("ck_breakers_state")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_breakers_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_breakers")),
    )
    op.create_table(
        "budget_edits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("object_ref", sa.Text(), nullable=False),
        sa.Column("ours", sa.BigInteger(), nullable=False, comment="in force before the edit"),
        sa.Column("theirs", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.ForeignKeyConstraint(["object_ref"], ["ad_objects.ref"], name=op.f("fk_budget_edits_object_ref")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_edits")),
    )
    op.create_index("ix_budget_edits_object", "budget_edits", ["object_ref", "found_at"], unique=False)
    op.create_table(
        "upload_sessions",
        sa.Column("change_id", sa.UUID(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("video_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes of the file"),
        sa.Column("next_byte", sa.BigInteger(), nullable=False, comment="first byte the platform has not confirmed"),
        sa.Column(
            "updated_real", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["change_id"], ["pending_ad_changes.id"], name=op.f("fk_upload_sessions_change_id")),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_upload_sessions")),
    )
    op.add_column(
        "ad_objects",
        sa.Column(
            "known",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="targeting and name as we last wrote or accepted them; what differs is a person's edit",
        ),
    )
    op.add_column(
        "ad_objects",
        sa.Column(
            "learning_phase",
            sa.Text(),
            nullable=True,
            comment="of an ad set, as the platform words it; null: it shows none",
        ),
    )
    op.add_column(
        "ad_insights",
        sa.Column(
            "conversion_value",
            sa.BigInteger(),
            nullable=True,
            comment="of purchases and leads; null: the platform reports none",
        ),
    )
    op.create_table(
        "ad_reach",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="end of the span: a midnight of the account",
        ),
        sa.Column("reach", sa.BigInteger(), nullable=False, comment="people who saw the ad in the span"),
        sa.Column("frequency", sa.Float(), nullable=False, comment="impressions per such person"),
        sa.Column("read_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "ad_id", "until", name=op.f("pk_ad_reach")),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "pausing",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="spend is being stopped: although frozen, safety pauses still go",
        ),
    )
    op.add_column(
        "ad_change_history",
        sa.Column(
            "previous",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="fields as read from the platform just before; what an undo restores",
        ),
    )
    op.add_column(
        "experiments",
        sa.Column(
            "increase",
            sa.Text(),
            nullable=True,
            comment="status of the change that was to raise the winner's budget; null: none was asked",
        ),
    )
    op.add_column(
        "budget_recommendations",
        sa.Column(
            "ads",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="all ads that the budget is for",
        ),
    )
    for name, comment in (
        ("expected_gain", "revenue a day that the move may bring; null: not known"),
        ("expected_loss", "revenue a day that it may cost"),
    ):
        op.add_column("budget_recommendations", sa.Column(name, sa.BigInteger(), nullable=True, comment=comment))
    op.add_column(
        "budget_recommendations",
        sa.Column(
            "worth_an_action",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="it moves, and far enough to be sent to the platform",
        ),
    )
    op.alter_column(
        "budget_recommendations",
        "ad_id",
        existing_type=sa.Text(),
        existing_nullable=False,
        comment="of ads that share their campaign's budget, the first",
    )
    op.add_column(
        "pending_ad_changes",
        sa.Column(
            "lane",
            sa.SmallInteger(),
            sa.Computed("case when priority >= 100 then 2 when priority > 0 then 1 else 0 end", persisted=True),
            nullable=False,
            comment="safety pauses, what goes before the rest, the rest: a claim looks into three lanes, not at every row",
        ),
    )
    op.add_column(
        "pending_ad_changes", sa.Column("undo_of", sa.UUID(), nullable=True, comment="the applied change it takes back")
    )
    op.add_column(
        "pending_ad_changes",
        sa.Column(
            "waits",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="an object it needs does not exist yet; kept by triggers, so that claims need not look at it",
        ),
    )
    op.create_index(
        "ix_pending_ad_changes_waits",
        "pending_ad_changes",
        ["depends_on"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("waits"),
    )
    op.drop_index(
        op.f("ix_pending_ad_changes_due"),
        table_name="pending_ad_changes",
        postgresql_where="(status = ANY (ARRAY['pending'::text, 'unknown'::text]))",
    )
    op.create_index(
        "ix_pending_ad_changes_due",
        "pending_ad_changes",
        ["world", "account_id", "lane", "not_before", "seq"],
        unique=False,
        postgresql_where=sa.text("status in ('pending', 'unknown') and not waits"),
    )
    op.create_index(
        "ix_pending_ad_changes_expiry",
        "pending_ad_changes",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status in ('proposed', 'pending')"),
    )
    op.create_index(
        "ix_pending_ad_changes_held",
        "pending_ad_changes",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status in ('claimed', 'executing')"),
    )
    op.create_index(
        "ix_pending_ad_changes_open",
        "pending_ad_changes",
        ["object_ref", "change_type", "seq"],
        unique=False,
        postgresql_where=sa.text("status in ('proposed', 'pending', 'claimed', 'executing', 'unknown')"),
    )
    op.create_index("ix_pending_ad_changes_plan", "pending_ad_changes", ["plan_digest"], unique=False)
    op.create_foreign_key(
        op.f("fk_pending_ad_changes_undo_of"), "pending_ad_changes", "pending_ad_changes", ["undo_of"], ["id"]
    )
    op.create_check_constraint(op.f("ck_accounts_pausing_is_frozen"), "accounts", "frozen or not pausing")
