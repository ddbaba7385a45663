"""Accounts and the twin's clock."""

from sqlalchemy import Boolean, CheckConstraint, Column, Float, Integer, Table, Text, text

from flywheel_assets.store.tables.base import METADATA, Instant, Json, required_text

accounts = Table(
    "accounts",
    METADATA,
    required_text("account_id", primary_key=True),
    required_text("world"),
    required_text("mode"),
    required_text("currency"),
    Column("config", Json, nullable=False, comment="core.account.Account as its owner wrote it"),
    Column("frozen", Boolean, nullable=False, server_default=text("false"), comment="no call starts while true"),
    Column("frozen_reason", Text),
    Column(
        "pausing",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="spend is being stopped: although frozen, safety pauses still go",
    ),
    Column("updated_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    CheckConstraint("world in ('sandbox', 'live')", name="world"),
    CheckConstraint("mode in ('observe', 'approve', 'auto')", name="mode"),
    CheckConstraint("not frozen or frozen_reason is not null", name="frozen_says_why"),
    CheckConstraint("frozen or not pausing", name="pausing_is_frozen"),
)

# One row at most. Reading = reads + real time since anchored_at x rate; rate 0 stands still
# until it is moved, rate 1 flows beside real time. It never overtakes real time.
twin_clock = Table(
    "twin_clock",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("reads", Instant, nullable=False),
    Column("anchored_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("rate", Float, nullable=False),
    CheckConstraint("id = 1", name="single"),
    CheckConstraint("rate in (0, 1)", name="rate"),
)
