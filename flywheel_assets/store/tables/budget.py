"""What the platform reported, what we made of it, and what was decided. Amounts are minor units of ``currency``."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, PrimaryKeyConstraint, Table, Text, text

from flywheel_assets.store.tables.base import METADATA, Instant, Json, required_text

# One row an ad and closed UTC hour, restated by re-reading. No row means not reported, a row of
# zeros means reported and nothing happened.
ad_insights = Table(
    "ad_insights",
    METADATA,
    required_text("account_id"),
    required_text("ad_id"),
    Column("hour", Instant, nullable=False),
    Column("impressions", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False, comment="inline link clicks"),
    Column("leads", BigInteger, nullable=False),
    Column("spend", BigInteger, nullable=False),
    Column("conversion_value", BigInteger, comment="of purchases and leads; null: the platform reports none"),
    required_text("currency"),
    Column("read_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    PrimaryKeyConstraint("account_id", "ad_id", "hour"),
    Index("ix_ad_insights_hour", "account_id", "hour"),
)

# Which hours were read at all: tells a quiet hour from a missing one.
insight_reads = Table(
    "insight_reads",
    METADATA,
    required_text("account_id"),
    Column("hour", Instant, nullable=False),
    Column("read_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    PrimaryKeyConstraint("account_id", "hour"),
)

# People cannot be added up over hours or days, so they are read for a span of days at a time.
ad_reach = Table(
    "ad_reach",
    METADATA,
    required_text("account_id"),
    required_text("ad_id"),
    Column("until", Instant, nullable=False, comment="end of the span: a midnight of the account"),
    Column("reach", BigInteger, nullable=False, comment="people who saw the ad in the span"),
    Column("frequency", Float, nullable=False, comment="impressions per such person"),
    Column("read_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    PrimaryKeyConstraint("account_id", "ad_id", "until"),
)

ad_states = Table(
    "ad_states",
    METADATA,
    required_text("account_id"),
    Column("hour", Instant, nullable=False),
    required_text("ad_id"),
    Column("state", Json, nullable=False, comment="budget.types.AdState"),
    Column("blocked", Text, comment="why nothing may be decided about this ad now"),
    PrimaryKeyConstraint("account_id", "hour", "ad_id"),
)

budget_allocations = Table(
    "budget_allocations",
    METADATA,
    required_text("account_id"),
    Column("hour", Instant, nullable=False),
    required_text("policy"),
    Column("wanted", BigInteger, nullable=False, comment="the plan's total for running ads"),
    Column("planned", BigInteger, nullable=False, comment="sum of the recommendations"),
    required_text("currency"),
    required_text("summary"),
    Column("decided", Boolean, nullable=False, comment="false: nothing could be decided; summary says why"),
    PrimaryKeyConstraint("account_id", "hour"),
)

budget_recommendations = Table(
    "budget_recommendations",
    METADATA,
    required_text("account_id"),
    Column("hour", Instant, nullable=False),
    required_text("ad_id", comment="of ads that share their campaign's budget, the first"),
    Column("ads", Json, nullable=False, server_default=text("'[]'"), comment="all ads that the budget is for"),
    required_text("object_ref", comment="owner of the budget"),
    Column("current_budget", BigInteger, nullable=False),
    Column("recommended_budget", BigInteger, nullable=False),
    Column("change_percent", Float, nullable=False),
    Column("confidence", Float, comment="null where nothing was decided"),
    Column("expected_gain", BigInteger, comment="revenue a day that the move may bring; null: not known"),
    Column("expected_loss", BigInteger, comment="revenue a day that it may cost"),
    required_text("reason"),
    Column("binding", Text, comment="the constraint that stopped the budget from going further"),
    Column(
        "worth_an_action",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="it moves, and far enough to be sent to the platform",
    ),
    Column("metrics", Json, nullable=False),
    PrimaryKeyConstraint("account_id", "hour", "ad_id"),
)
