"""From a click to a deal to money: everything a decision about revenue was based on.

Amounts are minor units of ``currency``. Instants are business time unless named ``*_real``.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from flywheel_assets.store.tables.base import METADATA, Instant, Json, required_text

# The inbox: what HubSpot sent, as it was sent, before anybody looked at it. The sensor's cursor is `id`.
# An event id alone is not promised to be unique, so five fields together are.
hubspot_events = Table(
    "hubspot_events",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("portal_id", BigInteger, nullable=False),
    Column("subscription_id", BigInteger, nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("object_id", BigInteger, nullable=False),
    required_text("subscription_type"),
    Column("property_name", Text),
    Column("property_value", Text),
    Column("occurred_at", Instant, nullable=False),
    Column("payload", Json, nullable=False),
    required_text("source", comment="webhook, or reconciliation when the webhook was lost"),
    Column("received_real", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("handled_at", Instant, comment="null until what it says about its deal has been taken over"),
    UniqueConstraint(
        "portal_id", "subscription_id", "event_id", "object_id", "occurred_at", name="uq_hubspot_events_key"
    ),
    CheckConstraint("source in ('webhook', 'reconciliation')", name="source"),
    Index("ix_hubspot_events_unhandled", "portal_id", "id", postgresql_where=text("handled_at is null")),
)

# Clicks that came through the redirect or were reported. Identity columns hold keyed hashes, and
# only where the account's owner consented to matching by them.
clicks = Table(
    "clicks",
    METADATA,
    required_text("click_id", primary_key=True),
    required_text("account_id"),
    required_text("ad_id", comment="id at the platform"),
    Column("clicked_at", Instant, nullable=False),
    Column("fbclid", Text),
    Column("fingerprint_hmac", Text),
    Column("ip_hmac", Text),
    required_text("source"),
    CheckConstraint("source in ('redirect', 'api')", name="source"),
    Index("ix_clicks_account_time", "account_id", "clicked_at"),
)

# A deal as last fetched from the CRM. The join keys are what the landing page's form carried over.
deals = Table(
    "deals",
    METADATA,
    Column("deal_id", BigInteger, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.account_id"), nullable=False),
    Column("portal_id", BigInteger, nullable=False),
    Column("amount", BigInteger, comment="null until somebody enters it: unknown, not zero"),
    required_text("currency"),
    required_text("stage"),
    Column("created_at", Instant, nullable=False),
    Column("ad_id", Text, comment="from the landing page's utm_content"),
    Column("click_id", Text),
    Column("fbclid", Text),
    Column("fingerprint_hmac", Text),
    Column("ip_hmac", Text),
    Column("fetched_at", Instant, nullable=False, server_default=text("flywheel_now()")),
)

deal_stage_changes = Table(
    "deal_stage_changes",
    METADATA,
    Column("deal_id", BigInteger, ForeignKey("deals.deal_id", ondelete="CASCADE"), nullable=False),
    Column("occurred_at", Instant, nullable=False),
    required_text("stage"),
    Column("inbox_id", BigInteger, ForeignKey("hubspot_events.id"), nullable=False),
    PrimaryKeyConstraint("deal_id", "occurred_at", "stage"),
)

# Ledger of increments: the sum of a deal's rows is the value of its latest stage by occurred time.
synthetic_revenue = Table(
    "synthetic_revenue",
    METADATA,
    Column("deal_id", BigInteger, ForeignKey("deals.deal_id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False, comment="order within the deal, by occurred time"),
    Column("occurred_at", Instant, nullable=False),
    required_text("stage"),
    Column("pipeline", BigInteger, nullable=False, comment="value of the stage"),
    Column("pipeline_increment", BigInteger, nullable=False),
    Column(
        "cash_increment", BigInteger, nullable=False, comment="amount when won, its negative when a won deal reopens"
    ),
    required_text("currency"),
    PrimaryKeyConstraint("deal_id", "position"),
)

# What stands in the way of a deal's value, typed and visible: unknown_stage, no_amount, other_currency, unknown_portal …
revenue_problems = Table(
    "revenue_problems",
    METADATA,
    required_text("subject", comment="deal:<id>, event:<inbox id> …"),
    required_text("rule"),
    Column("account_id", Text),
    required_text("reason"),
    Column("seen_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    PrimaryKeyConstraint("subject", "rule"),
)

# Every deal has at least one row; unattributed is a row without an ad. Weights of a deal sum to 1.
attributions = Table(
    "attributions",
    METADATA,
    Column("deal_id", BigInteger, ForeignKey("deals.deal_id", ondelete="CASCADE"), nullable=False),
    Column("candidate", Integer, nullable=False, comment="0 is the best"),
    Column("account_id", Text, nullable=False),
    Column("ad_id", Text, comment="null: not from one of our ads, as far as is known"),
    Column("click_id", Text),
    required_text("method"),
    Column("weight", Float, nullable=False),
    Column("layers", Json, nullable=False, comment="what each layer said"),
    required_text("reason"),
    PrimaryKeyConstraint("deal_id", "candidate"),
    CheckConstraint("weight >= 0 and weight <= 1", name="weight"),
    CheckConstraint("method in ('url', 'fingerprint', 'ip', 'unattributed')", name="method"),
)

# Attributed increments per ad: what the sampler and the learning loops are fed with.
ml_feedback = Table(
    "ml_feedback",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    required_text("account_id"),
    required_text("ad_id"),
    Column("deal_id", BigInteger, nullable=False),
    Column("position", Integer, nullable=False, comment="of the ledger entry"),
    Column("occurred_at", Instant, nullable=False),
    required_text("stage"),
    Column("pipeline_increment", BigInteger, nullable=False),
    Column("cash_increment", BigInteger, nullable=False),
    required_text("currency"),
    UniqueConstraint("ad_id", "deal_id", "position"),
    Index("ix_ml_feedback_ad_time", "account_id", "ad_id", "occurred_at"),
)
