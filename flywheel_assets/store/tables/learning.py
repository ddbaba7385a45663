"""What came of our predictions and ads, and what is known from it."""

from pgvector.sqlalchemy import Vector
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

# A prediction held against what the ad then did. An outcome is matured when it has enough impressions.
actuals = Table(
    "actuals",
    METADATA,
    required_text("account_id"),
    required_text("ad_id"),
    required_text("creative_id"),
    required_text("variation"),
    required_text("model"),
    Column("predicted_ctr", Float, nullable=False),
    Column("impressions", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False),
    Column("leads", BigInteger, nullable=False),
    Column("spend", BigInteger, nullable=False),
    Column("pipeline", BigInteger, nullable=False),
    Column("cash", BigInteger, nullable=False),
    required_text("currency"),
    Column("matured_at", Instant, comment="null: too few impressions to be held against anything"),
    Column("as_of", Instant, nullable=False, comment="last closed hour that is in the counts"),
    PrimaryKeyConstraint("account_id", "ad_id"),
)

prediction_accuracy = Table(
    "prediction_accuracy",
    METADATA,
    required_text("account_id"),
    Column("hour", Instant, nullable=False),
    required_text("model"),
    required_text("status", comment="measured, or insufficient"),
    Column("ads", Integer, nullable=False),
    Column("metrics", Json, nullable=False, comment="rmse, mae, r2, accuracy, ceiling, drift; or what is missing"),
    PrimaryKeyConstraint("account_id", "hour", "model"),
    CheckConstraint("status in ('measured', 'insufficient')", name="status"),
)

model_registry = Table(
    "model_registry",
    METADATA,
    required_text("account_id"),
    required_text("model_name"),
    Column("version", Integer, nullable=False),
    required_text("stage"),
    required_text("artifact_uri"),
    required_text("artifact_sha256"),
    required_text("feature_schema", comment="digest of the feature names and their order"),
    Column("trained_on", Json, nullable=False, comment="rows, ads, first and last hour, library versions"),
    Column("metrics", Json, nullable=False, comment="of this model and of what it was compared with"),
    Column("parent_version", Integer),
    Column("created_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    Column("promoted_at", Instant),
    PrimaryKeyConstraint("account_id", "model_name", "version"),
    CheckConstraint("stage in ('champion', 'challenger', 'archived')", name="stage"),
    Index(
        "ix_model_registry_one_champion",
        "account_id",
        "model_name",
        unique=True,
        postgresql_where=text("stage = 'champion'"),
    ),
)

# Creative DNA of every published ad; one table an embedder and dimension.
creative_dna = Table(
    "creative_dna",
    METADATA,
    required_text("ad_id", primary_key=True),
    required_text("account_id"),
    required_text("creative_id"),
    required_text("variation"),
    Column("record", Json, nullable=False, comment="hook family and text, call to action, offer, scenes, looks"),
    required_text("embedder", comment="name and version"),
    Column("vector", Vector(256), nullable=False),
    Column("made_at", Instant, nullable=False, server_default=text("flywheel_now()")),
)

winners = Table(
    "winners",
    METADATA,
    Column("ad_id", Text, ForeignKey("creative_dna.ad_id", ondelete="CASCADE"), primary_key=True),
    required_text("account_id"),
    Column("probability_best", Float, nullable=False),
    Column("metrics", Json, nullable=False),
    required_text("reason"),
    Column("won_at", Instant, nullable=False),
)

# Files of the index as they were published; the database is the truth, a file can be rebuilt.
index_snapshots = Table(
    "index_snapshots",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    required_text("account_id"),
    required_text("uri"),
    required_text("sha256"),
    Column("vectors", Integer, nullable=False),
    Column("made_at", Instant, nullable=False, server_default=text("flywheel_now()")),
)

knowledge_nodes = Table(
    "knowledge_nodes",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    required_text("account_id"),
    required_text("kind", comment="hook_family, call_to_action, offer, opening_object …"),
    required_text("value"),
    Column("metrics", Json, nullable=False),
    Column("first_seen", Instant, nullable=False, server_default=text("flywheel_now()")),
    Column("updated_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    UniqueConstraint("account_id", "kind", "value"),
)

knowledge_edges = Table(
    "knowledge_edges",
    METADATA,
    Column("source_id", BigInteger, ForeignKey("knowledge_nodes.id", ondelete="CASCADE"), nullable=False),
    Column("target_id", BigInteger, ForeignKey("knowledge_nodes.id", ondelete="CASCADE"), nullable=False),
    required_text("relation"),
    Column("evidence", Json, nullable=False, comment="ads it was seen in, and how they did"),
    Column("updated_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    PrimaryKeyConstraint("source_id", "target_id", "relation"),
)

# One experiment a creative request: its variations against one another.
experiments = Table(
    "experiments",
    METADATA,
    required_text("creative_id", primary_key=True),
    required_text("account_id"),
    required_text("status"),
    Column("leader_ad_id", Text),
    Column("probability_best", Float),
    Column("expected_loss", Float, comment="relative, if the leader is chosen"),
    Column("arms", Json, nullable=False),
    required_text("reason"),
    Column("promoted_at", Instant),
    Column("updated_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    Column(
        "increase", Text, comment="status of the change that was to raise the winner's budget; null: none was asked"
    ),
    CheckConstraint("status in ('running', 'decided', 'promoted')", name="status"),
)

# Patterns across accounts whose owners opted in; no text of any brief, no account.
shared_patterns = Table(
    "shared_patterns",
    METADATA,
    required_text("niche"),
    required_text("kind"),
    required_text("value"),
    Column("accounts", Integer, nullable=False),
    Column("ads", Integer, nullable=False),
    Column("metrics", Json, nullable=False),
    Column("updated_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    PrimaryKeyConstraint("niche", "kind", "value"),
)

creative_refresh_requests = Table(
    "creative_refresh_requests",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    required_text("account_id"),
    required_text("ad_id"),
    required_text("parent_creative_id"),
    required_text("reason"),
    Column("decay_factor", Float, nullable=False),
    Column("requested_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    Column("creative_id", Text, comment="the generation that was started for it"),
    UniqueConstraint("ad_id"),
)

learning_cycles = Table(
    "learning_cycles",
    METADATA,
    required_text("account_id"),
    Column("hour", Instant, nullable=False),
    Column("steps", Json, nullable=False, comment="seven steps: name, status, what changed"),
    Column("finished_at", Instant, nullable=False, server_default=text("flywheel_now()")),
    PrimaryKeyConstraint("account_id", "hour"),
)
