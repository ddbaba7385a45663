"""The queue, its audit trail, its dead letters, and what exists at the platform.

Instants named ``*_at`` are business time (`flywheel_now()`), except ``lease_until`` and the
``*_real`` columns, which are real time: leases and forensics must not depend on a twin's clock.
Amounts are minor units of ``currency``.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from flywheel_assets.store.tables.base import METADATA, Instant, Json, required_text

fencing_tokens = Sequence("fencing_tokens", metadata=METADATA)

# Effective status of an object that the platform answers to know nothing of: deleted, or hidden from our token.
NOT_SHOWN = "NOT_SHOWN"

_WORLD = "world in ('sandbox', 'live')"

# Everything that was asked for at the platform, from the moment it is planned. A campaign's row
# is also the lock under which its hourly actions are counted.
ad_objects = Table(
    "ad_objects",
    METADATA,
    required_text("ref", primary_key=True),
    required_text("world"),
    Column("account_id", Text, ForeignKey("accounts.account_id"), nullable=False),
    required_text("kind"),
    required_text("campaign_ref"),
    required_text("tag", comment="token in the remote name by which the object is found again"),
    Column("remote_id", Text),
    Column("status", Text, comment="as last written or read"),
    Column("effective_status", Text),
    Column("daily_budget", BigInteger),
    required_text("currency"),
    Column("planned_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    Column("observed_at", Instant, comment="last time the platform was asked"),
    Column("drift", Json, comment="what the platform shows and we did not write"),
    Column("learning_phase", Text, comment="of an ad set, as the platform words it; null: it shows none"),
    Column(
        "known",
        Json,
        nullable=False,
        server_default=text("'{}'"),
        comment="targeting and name as we last wrote or accepted them; what differs is a person's edit",
    ),
    UniqueConstraint("world", "tag"),
    CheckConstraint(_WORLD, name="world"),
)

pending_ad_changes = Table(
    "pending_ad_changes",
    METADATA,
    Column("id", UUID(as_uuid=True), primary_key=True, server_default=text("gen_random_uuid()")),
    Column("seq", BigInteger, Identity(), nullable=False, unique=True),
    required_text("world"),
    Column("account_id", Text, ForeignKey("accounts.account_id"), nullable=False),
    required_text("campaign_ref"),
    Column("object_ref", Text, ForeignKey("ad_objects.ref"), nullable=False),
    required_text("change_type"),
    Column("spec", Json, nullable=False),
    Column("depends_on", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("new_budget", BigInteger, comment="requested, before fuzz and limits"),
    Column("target_budget", BigInteger, comment="frozen before the first call"),
    required_text("currency"),
    required_text("reasoning"),
    required_text("requested_by"),
    required_text("idempotency_key", unique=True),
    Column("plan_digest", Text),
    Column("approved_at", Instant, comment="when a person let it go; needed in an account's approve mode"),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column(
        "lane",
        SmallInteger,
        Computed("case when priority >= 100 then 2 when priority > 0 then 1 else 0 end", persisted=True),
        nullable=False,
        comment="safety pauses, what goes before the rest, the rest: a claim looks into three lanes, not at every row",
    ),
    required_text("status"),
    Column("jitter_seconds", Float, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("deferrals", Integer, nullable=False, server_default=text("0")),
    Column("wait_reason", Text),
    Column(
        "waits",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="an object it needs does not exist yet; kept by triggers, so that claims need not look at it",
    ),
    Column(
        "undo_of", UUID(as_uuid=True), ForeignKey("pending_ad_changes.id"), comment="the applied change it takes back"
    ),
    Column("worker", Text),
    Column("fencing_token", BigInteger),
    Column("lease_until", Instant),
    Column("created_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    Column("finished_at", Instant),
    CheckConstraint(_WORLD, name="world"),
    CheckConstraint(
        "status in ('proposed', 'pending', 'claimed', 'executing', 'unknown', "
        "'applied', 'observed', 'rejected', 'expired', 'superseded', 'cancelled', 'dead')",
        name="status",
    ),
    CheckConstraint(
        "status not in ('claimed', 'executing') or (worker is not null and fencing_token is not null "
        "and lease_until is not null)",
        name="held_has_lease",
    ),
    Index(
        "ix_pending_ad_changes_due",
        "world",
        "account_id",
        "lane",
        "not_before",
        "seq",
        postgresql_where=text("status in ('pending', 'unknown') and not waits"),
    ),
    Index("ix_pending_ad_changes_waits", "depends_on", postgresql_using="gin", postgresql_where=text("waits")),
    # Order and supersession ask for the open changes of one kind to one object.
    Index(
        "ix_pending_ad_changes_open",
        "object_ref",
        "change_type",
        "seq",
        postgresql_where=text("status in ('proposed', 'pending', 'claimed', 'executing', 'unknown')"),
    ),
    Index("ix_pending_ad_changes_held", "lease_until", postgresql_where=text("status in ('claimed', 'executing')")),
    Index("ix_pending_ad_changes_expiry", "expires_at", postgresql_where=text("status in ('proposed', 'pending')")),
    Index("ix_pending_ad_changes_object", "object_ref"),
    Index("ix_pending_ad_changes_plan", "plan_digest"),
)

# One row an attempt, written before the call (intent) and completed after it.
ad_change_history = Table(
    "ad_change_history",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("change_id", UUID(as_uuid=True), ForeignKey("pending_ad_changes.id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    required_text("world"),
    required_text("account_id"),
    required_text("campaign_ref"),
    required_text("object_ref"),
    Column("remote_id", Text),
    required_text("change_type"),
    required_text("scope", comment="whose hourly limit this counts toward"),
    required_text("worker"),
    required_text("status"),
    Column("requested_budget", BigInteger),
    Column("previous_budget", BigInteger, comment="read from the platform just before"),
    Column("previous", Json, comment="fields as read from the platform just before; what an undo restores"),
    Column("target_budget", BigInteger, comment="after fuzz and limits"),
    Column("actual_budget", BigInteger, comment="as applied"),
    required_text("currency"),
    required_text("reasoning"),
    Column("adjustments", Json, comment="what fuzz and limits did, in words"),
    Column("error", Json),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("started_real", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("finished_real", Instant),
    UniqueConstraint("change_id", "attempt"),
    CheckConstraint(
        "status in ('executing', 'applied', 'reconciled', 'not_applied', 'unknown', 'throttled', 'failed', 'conflict')",
        name="status",
    ),
    CheckConstraint("scope in ('campaign', 'account')", name="scope"),
    # An unknown outcome is unfinished: it counts in every window until it has been read back.
    CheckConstraint("(finished_at is null) = (status in ('executing', 'unknown'))", name="finished"),
    Index("ix_ad_change_history_campaign_window", "campaign_ref", "scope", "finished_at"),
    Index("ix_ad_change_history_account_window", "account_id", "scope", "finished_at"),
    Index("ix_ad_change_history_object", "object_ref", "finished_at"),
)

dead_letters = Table(
    "dead_letters",
    METADATA,
    Column("change_id", UUID(as_uuid=True), ForeignKey("pending_ad_changes.id"), primary_key=True),
    required_text("rule", comment="error class or rule that ended it"),
    required_text("reason"),
    Column("failures", Integer, nullable=False),
    Column("error", Json),
    Column("died_at", Instant, nullable=False),
)

# Shared by all workers of an account, and alive after each of them. Real time: a platform that fails
# has to be left alone for real minutes, whatever a twin's clock does.
breakers = Table(
    "breakers",
    METADATA,
    Column("account_id", Text, ForeignKey("accounts.account_id"), primary_key=True),
    required_text("state"),
    Column("failures", Integer, nullable=False, comment="in a row, over all changes of the account"),
    Column("retry_real", Instant, comment="open: when one probe may go; half_open: when the probe counts as lost"),
    Column("reason", Text, comment="the last failure"),
    CheckConstraint("state in ('closed', 'open', 'half_open')", name="state"),
    CheckConstraint("(state = 'closed') = (retry_real is null)", name="waits_until"),
)

# Until when an account sends nothing: the platform throttled it, or its quota is nearly used up.
account_holds = Table(
    "account_holds",
    METADATA,
    Column("account_id", Text, ForeignKey("accounts.account_id"), primary_key=True),
    Column("until", Instant, nullable=False),
    required_text("reason"),
    Column("refused", Boolean, nullable=False, comment="by the platform; our own pacing lets safety pauses through"),
)

# A person's budget edits, as met: what stood before them counts in the velocity window.
budget_edits = Table(
    "budget_edits",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("object_ref", Text, ForeignKey("ad_objects.ref"), nullable=False),
    Column("ours", BigInteger, nullable=False, comment="in force before the edit"),
    Column("theirs", BigInteger, nullable=False),
    Column("found_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    Index("ix_budget_edits_object", "object_ref", "found_at"),
)

# How far a video has come: the next attempt goes on where the last one was cut off.
upload_sessions = Table(
    "upload_sessions",
    METADATA,
    Column("change_id", UUID(as_uuid=True), ForeignKey("pending_ad_changes.id"), primary_key=True),
    required_text("session_id"),
    required_text("video_id"),
    Column("size", BigInteger, nullable=False, comment="bytes of the file"),
    Column("next_byte", BigInteger, nullable=False, comment="first byte the platform has not confirmed"),
    Column("updated_real", Instant, nullable=False, server_default=text("clock_timestamp()")),
)

# What a person has to look at: a bad token, a restricted account, spend that should not be.
alerts = Table(
    "alerts",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.account_id"), nullable=False),
    required_text("rule", comment="short stable name, e.g. auth, overspend"),
    required_text("reason"),
    Column("stopped", Boolean, nullable=False, comment="whether it stopped the account's calls or its spend"),
    Column("raised_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    Column("closed_at", Instant, comment="when a person said it is dealt with, or what it told of has passed"),
    Column("noticed_real", Instant, comment="when it was posted to the webhook"),
    Column("notice_tries", Integer, nullable=False, server_default=text("0")),
    Column("notice_retry_real", Instant, comment="before then nobody posts it: somebody just tries, or failed"),
    # One open alert a rule: what goes on is not told again every minute.
    Index("uq_alerts_open", "account_id", "rule", unique=True, postgresql_where=text("closed_at is null")),
)
