"""first house."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("create extension if not exists vector")
    op.execute("create sequence fencing_tokens")
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("world", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "config",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="core.account.Account as its owner wrote it",
        ),
        sa.Column(
            "frozen", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="no call starts while true"
        ),
        sa.Column("frozen_reason", sa.Text(), nullable=True),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("mode in ('observe', 'approve', 'auto')", name=op.f("ck_accounts_mode")),
        sa.CheckConstraint("world in ('sandbox', 'live')", name=op.f("ck_accounts_world")),
        sa.CheckConstraint("not frozen or frozen_reason is not null", name=op.f("ck_accounts_frozen_says_why")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "actuals",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("variation", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("predicted_ctr", sa.Float(), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("leads", sa.BigInteger(), nullable=False),
        sa.Column("spend", sa.BigInteger(), nullable=False),
        sa.Column("pipeline", sa.BigInteger(), nullable=False),
        sa.Column("cash", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "matured_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="null: too few impressions to be held against anything",
        ),
        sa.Column(
            "as_of", sa.DateTime(timezone=True), nullable=False, comment="last closed hour that is in the counts"
        ),
        sa.PrimaryKeyConstraint("account_id", "ad_id", name=op.f("pk_actuals")),
    )
    op.create_table(
        "ad_insights",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False, comment="inline link clicks"),
        sa.Column("leads", sa.BigInteger(), nullable=False),
        sa.Column("spend", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "ad_id", "hour", name=op.f("pk_ad_insights")),
    )
    op.create_index("ix_ad_insights_hour", "ad_insights", ["account_id", "hour"], unique=False)
    op.create_table(
        "ad_states",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column(
            "state",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="budget.types.AdState",
        ),
        sa.Column("blocked", sa.Text(), nullable=True, comment="why nothing may be decided about this ad now"),
        sa.PrimaryKeyConstraint("account_id", "hour", "ad_id", name=op.f("pk_ad_states")),
    )
    op.create_table(
        "budget_allocations",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False, comment="the plan's total for running ads"),
        sa.Column("planned", sa.BigInteger(), nullable=False, comment="sum of the recommendations"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("decided", sa.Boolean(), nullable=False, comment="false: nothing could be decided; summary says why"),
        sa.PrimaryKeyConstraint("account_id", "hour", name=op.f("pk_budget_allocations")),
    )
    op.create_table(
        "budget_recommendations",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("object_ref", sa.Text(), nullable=False, comment="owner of the budget"),
        sa.Column("current_budget", sa.BigInteger(), nullable=False),
        sa.Column("recommended_budget", sa.BigInteger(), nullable=False),
        sa.Column("change_percent", sa.Float(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True, comment="null where nothing was decided"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "binding", sa.Text(), nullable=True, comment="the constraint that stopped the budget from going further"
        ),
        sa.Column("metrics", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "hour", "ad_id", name=op.f("pk_budget_recommendations")),
    )
    op.create_table(
        "clicks",
        sa.Column("click_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False, comment="id at the platform"),
        sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fbclid", sa.Text(), nullable=True),
        sa.Column("fingerprint_hmac", sa.Text(), nullable=True),
        sa.Column("ip_hmac", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("source in ('redirect', 'api')", name=op.f("ck_clicks_source")),
        sa.PrimaryKeyConstraint("click_id", name=op.f("pk_clicks")),
    )
    op.create_index("ix_clicks_account_time", "clicks", ["account_id", "clicked_at"], unique=False)
    op.create_table(
        "creative_dna",
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("variation", sa.Text(), nullable=False),
        sa.Column(
            "record",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="hook family and text, call to action, offer, scenes, looks",
        ),
        sa.Column("embedder", sa.Text(), nullable=False, comment="name and version"),
        sa.Column("vector", Vector(dim=256), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.PrimaryKeyConstraint("ad_id", name=op.f("pk_creative_dna")),
    )
    op.create_table(
        "creative_refresh_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("parent_creative_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decay_factor", sa.Float(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.Column("creative_id", sa.Text(), nullable=True, comment="the generation that was started for it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creative_refresh_requests")),
        sa.UniqueConstraint("ad_id", name=op.f("uq_creative_refresh_requests_ad_id")),
    )
    op.create_table(
        "experiments",
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("leader_ad_id", sa.Text(), nullable=True),
        sa.Column("probability_best", sa.Float(), nullable=True),
        sa.Column("expected_loss", sa.Float(), nullable=True, comment="relative, if the leader is chosen"),
        sa.Column("arms", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.CheckConstraint("status in ('running', 'decided', 'promoted')", name=op.f("ck_experiments_status")),
        sa.PrimaryKeyConstraint("creative_id", name=op.f("pk_experiments")),
    )
    op.create_table(
        "hubspot_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("portal_id", sa.BigInteger(), nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.BigInteger(), nullable=False),
        sa.Column("subscription_type", sa.Text(), nullable=False),
        sa.Column("property_name", sa.Text(), nullable=True),
        sa.Column("property_value", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="webhook, or reconciliation when the webhook was lost"),
        sa.Column(
            "received_real", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "handled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="null until what it says about its deal has been taken over",
        ),
        sa.CheckConstraint("source in ('webhook', 'reconciliation')", name=op.f("ck_hubspot_events_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hubspot_events")),
        sa.UniqueConstraint(
            "portal_id", "subscription_id", "event_id", "object_id", "occurred_at", name="uq_hubspot_events_key"
        ),
    )
    op.create_index(
        "ix_hubspot_events_unhandled",
        "hubspot_events",
        ["portal_id", "id"],
        unique=False,
        postgresql_where=sa.text("handled_at is null"),
    )
    op.create_table(
        "index_snapshots",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("vectors", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_snapshots")),
    )
    op.create_table(
        "insight_reads",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "hour", name=op.f("pk_insight_reads")),
    )
    op.create_table(
        "knowledge_nodes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="hook_family, call_to_action, offer, opening_object …"),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("metrics", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_nodes")),
        sa.UniqueConstraint("account_id", "kind", "value", name=op.f("uq_knowledge_nodes_account_id_kind_value")),
    )
    op.create_table(
        "learning_cycles",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "steps",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="seven steps: name, status, what changed",
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "hour", name=op.f("pk_learning_cycles")),
    )
    op.create_table(
        "ml_feedback",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="of the ledger entry"),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("pipeline_increment", sa.BigInteger(), nullable=False),
        sa.Column("cash_increment", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ml_feedback")),
        sa.UniqueConstraint("ad_id", "deal_id", "position", name=op.f("uq_ml_feedback_ad_id_deal_id_position")),
    )
    op.create_index("ix_ml_feedback_ad_time", "ml_feedback", ["account_id", "ad_id", "occurred_at"], unique=False)
    op.create_table(
        "model_registry",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("artifact_uri", sa.Text(), nullable=False),
        sa.Column("artifact_sha256", sa.Text(), nullable=False),
        sa.Column("feature_schema", sa.Text(), nullable=False, comment="digest of the feature names and their order"),
        sa.Column(
            "trained_on",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="rows, ads, first and last hour, library versions",
        ),
        sa.Column(
            "metrics",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="of this model and of what it was compared with",
        ),
        sa.Column("parent_version", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("stage in ('champion', 'challenger', 'archived')", name=op.f("ck_model_registry_stage")),
        sa.PrimaryKeyConstraint("account_id", "model_name", "version", name=op.f("pk_model_registry")),
    )
    op.create_index(
        "ix_model_registry_one_champion",
        "model_registry",
        ["account_id", "model_name"],
        unique=True,
        postgresql_where=sa.text("stage = 'champion'"),
    )
    op.create_table(
        "prediction_accuracy",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="measured, or insufficient"),
        sa.Column("ads", sa.Integer(), nullable=False),
        sa.Column(
            "metrics",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="rmse, mae, r2, accuracy, ceiling, drift; or what is missing",
        ),
        sa.CheckConstraint("status in ('measured', 'insufficient')", name=op.f("ck_prediction_accuracy_status")),
        sa.PrimaryKeyConstraint("account_id", "hour", "model", name=op.f("pk_prediction_accuracy")),
    )
    op.create_table(
        "revenue_problems",
        sa.Column("subject", sa.Text(), nullable=False, comment="deal:<id>, event:<inbox id> …"),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.PrimaryKeyConstraint("subject", "rule", name=op.f("pk_revenue_problems")),
    )
    op.create_table(
        "shared_patterns",
        sa.Column("niche", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("ads", sa.Integer(), nullable=False),
        sa.Column("metrics", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.PrimaryKeyConstraint("niche", "kind", "value", name=op.f("pk_shared_patterns")),
    )
    op.create_table(
        "twin_clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reads", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "anchored_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_twin_clock_single")),
        sa.CheckConstraint("rate in (0, 1)", name=op.f("ck_twin_clock_rate")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_twin_clock")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="drop_folder"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified_ns", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("creative_id", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("(status = 'rejected') = (rule is not null)", name=op.f("ck_uploads_rejection_names_rule")),
        sa.CheckConstraint("status in ('accepted', 'duplicate', 'rejected')", name=op.f("ck_uploads_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sa.UniqueConstraint(
            "source", "name", "size", "modified_ns", name=op.f("uq_uploads_source_name_size_modified_ns")
        ),
    )
    op.create_table(
        "videos",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("probe", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_videos")),
    )
    op.create_table(
        "ad_objects",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("world", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("campaign_ref", sa.Text(), nullable=False),
        sa.Column(
            "tag", sa.Text(), nullable=False, comment="token in the remote name by which the object is found again"
        ),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True, comment="as last written or read"),
        sa.Column("effective_status", sa.Text(), nullable=True),
        sa.Column("daily_budget", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True, comment="last time the platform was asked"),
        sa.Column(
            "drift",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="what the platform shows and we did not write",
        ),
        sa.CheckConstraint("world in ('sandbox', 'live')", name=op.f("ck_ad_objects_world")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_ad_objects_account_id")),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_ad_objects")),
        sa.UniqueConstraint("world", "tag", name=op.f("uq_ad_objects_world_tag")),
    )
    op.create_table(
        "creatives",
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("video_sha256", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("brief", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="runs asked for"),
        sa.Column(
            "perception_digest", sa.Text(), nullable=True, comment="which cached perception this creative was made with"
        ),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_creatives_account_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["creatives.creative_id"], name=op.f("fk_creatives_parent_id")),
        sa.ForeignKeyConstraint(["video_sha256"], ["videos.sha256"], name=op.f("fk_creatives_video_sha256")),
        sa.PrimaryKeyConstraint("creative_id", name=op.f("pk_creatives")),
    )
    op.create_table(
        "deals",
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("portal_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True, comment="null until somebody enters it: unknown, not zero"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=True, comment="from the landing page's utm_content"),
        sa.Column("click_id", sa.Text(), nullable=True),
        sa.Column("fbclid", sa.Text(), nullable=True),
        sa.Column("fingerprint_hmac", sa.Text(), nullable=True),
        sa.Column("ip_hmac", sa.Text(), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_deals_account_id")),
        sa.PrimaryKeyConstraint("deal_id", name=op.f("pk_deals")),
    )
    op.create_table(
        "knowledge_edges",
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column(
            "evidence",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="ads it was seen in, and how they did",
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["knowledge_nodes.id"], name=op.f("fk_knowledge_edges_source_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["knowledge_nodes.id"], name=op.f("fk_knowledge_edges_target_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source_id", "target_id", "relation", name=op.f("pk_knowledge_edges")),
    )
    op.create_table(
        "perceptions",
        sa.Column("video_sha256", sa.Text(), nullable=False),
        sa.Column("settings_digest", sa.Text(), nullable=False),
        sa.Column(
            "result",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="creative.types.Perception",
        ),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["video_sha256"], ["videos.sha256"], name=op.f("fk_perceptions_video_sha256")),
        sa.PrimaryKeyConstraint("video_sha256", "settings_digest", name=op.f("pk_perceptions")),
    )
    op.create_table(
        "winners",
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("probability_best", sa.Float(), nullable=False),
        sa.Column("metrics", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("won_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ad_id"], ["creative_dna.ad_id"], name=op.f("fk_winners_ad_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ad_id", name=op.f("pk_winners")),
    )
    op.create_table(
        "attributions",
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("candidate", sa.Integer(), nullable=False, comment="0 is the best"),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=True, comment="null: not from one of our ads, as far as is known"),
        sa.Column("click_id", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column(
            "layers",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="what each layer said",
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "method in ('url', 'fingerprint', 'ip', 'unattributed')", name=op.f("ck_attributions_method")
        ),
        sa.CheckConstraint("weight >= 0 and weight <= 1", name=op.f("ck_attributions_weight")),
        sa.ForeignKeyConstraint(
            ["deal_id"], ["deals.deal_id"], name=op.f("fk_attributions_deal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("deal_id", "candidate", name=op.f("pk_attributions")),
    )
    op.create_table(
        "council_verdicts",
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True, comment="null without a quorum"),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column(
            "verdict",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="creative.types.Verdict",
        ),
        sa.CheckConstraint("not approved or score is not null", name=op.f("ck_council_verdicts_approved_has_score")),
        sa.CheckConstraint("score between 0 and 100", name=op.f("ck_council_verdicts_score")),
        sa.CheckConstraint("turn between 0 and 3", name=op.f("ck_council_verdicts_turn")),
        sa.ForeignKeyConstraint(
            ["creative_id"], ["creatives.creative_id"], name=op.f("fk_council_verdicts_creative_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("creative_id", "key", "turn", name=op.f("pk_council_verdicts")),
    )
    op.create_table(
        "creative_drafts",
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "blueprint",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="creative.types.Blueprint",
        ),
        sa.ForeignKeyConstraint(
            ["creative_id"], ["creatives.creative_id"], name=op.f("fk_creative_drafts_creative_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("creative_id", "key", name=op.f("pk_creative_drafts")),
    )
    op.create_table(
        "deal_stage_changes",
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deal_id"], ["deals.deal_id"], name=op.f("fk_deal_stage_changes_deal_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["inbox_id"], ["hubspot_events.id"], name=op.f("fk_deal_stage_changes_inbox_id")),
        sa.PrimaryKeyConstraint("deal_id", "occurred_at", "stage", name=op.f("pk_deal_stage_changes")),
    )
    op.create_table(
        "hooks",
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("hook", sa.Integer(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["creative_id"], ["creatives.creative_id"], name=op.f("fk_hooks_creative_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("creative_id", "hook", name=op.f("pk_hooks")),
    )
    op.create_table(
        "pending_ad_changes",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("world", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("campaign_ref", sa.Text(), nullable=False),
        sa.Column("object_ref", sa.Text(), nullable=False),
        sa.Column("change_type", sa.Text(), nullable=False),
        sa.Column("spec", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("depends_on", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("new_budget", sa.BigInteger(), nullable=True, comment="requested, before fuzz and limits"),
        sa.Column("target_budget", sa.BigInteger(), nullable=True, comment="frozen before the first call"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("plan_digest", sa.Text(), nullable=True),
        sa.Column(
            "approved_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a person let it go; needed in an account's approve mode",
        ),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("jitter_seconds", sa.Float(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("deferrals", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("wait_reason", sa.Text(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("fencing_token", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("flywheel_now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status in ('proposed', 'pending', 'claimed', 'executing', 'unknown', 'applied', 'observed', 'rejected', 'expired', 'superseded', 'cancelled', 'dead')",
            name=op.f("ck_pending_ad_changes_status"),
        ),
        sa.CheckConstraint(
            "status not in ('claimed', 'executing') or (worker is not null and fencing_token is not null and lease_until is not null)",
            name=op.f("ck_pending_ad_changes_held_has_lease"),
        ),
        sa.CheckConstraint("world in ('sandbox', 'live')", name=op.f("ck_pending_ad_changes_world")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_pending_ad_changes_account_id")),
        sa.ForeignKeyConstraint(["object_ref"], ["ad_objects.ref"], name=op.f("fk_pending_ad_changes_object_ref")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_ad_changes")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_pending_ad_changes_idempotency_key")),
        sa.UniqueConstraint("seq", name=op.f("uq_pending_ad_changes_seq")),
    )
    op.create_index(
        "ix_pending_ad_changes_due",
        "pending_ad_changes",
        ["world", sa.literal_column("priority desc"), "not_before", "seq"],
        unique=False,
        postgresql_where=sa.text("status in ('pending', 'unknown')"),
    )
    op.create_index("ix_pending_ad_changes_object", "pending_ad_changes", ["object_ref"], unique=False)
    op.create_table(
        "publish_plans",
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column(
            "plan",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="execution.structure.PublishPlan",
        ),
        sa.ForeignKeyConstraint(
            ["creative_id"], ["creatives.creative_id"], name=op.f("fk_publish_plans_creative_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("creative_id", name=op.f("pk_publish_plans")),
    )
    op.create_table(
        "renders",
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("cover_uri", sa.Text(), nullable=False),
        sa.Column("plan_hash", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False, comment="quality gate"),
        sa.Column("quality", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("details", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["creative_id"], ["creatives.creative_id"], name=op.f("fk_renders_creative_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("creative_id", "key", name=op.f("pk_renders")),
    )
    op.create_table(
        "scene_ctr_predictions",
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("scene", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("ctr", sa.Float(), nullable=False),
        sa.Column("strength", sa.Float(), nullable=False, comment="impressions of evidence"),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("ctr > 0 and ctr < 1", name=op.f("ck_scene_ctr_predictions_ctr")),
        sa.ForeignKeyConstraint(
            ["creative_id"],
            ["creatives.creative_id"],
            name=op.f("fk_scene_ctr_predictions_creative_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("creative_id", "scene", name=op.f("pk_scene_ctr_predictions")),
        sa.UniqueConstraint("creative_id", "rank", name=op.f("uq_scene_ctr_predictions_creative_id_rank")),
    )
    op.create_table(
        "scene_features",
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("scene", sa.Integer(), nullable=False),
        sa.Column(
            "features",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="creative.types.SceneFeatures",
        ),
        sa.ForeignKeyConstraint(
            ["creative_id"], ["creatives.creative_id"], name=op.f("fk_scene_features_creative_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("creative_id", "scene", name=op.f("pk_scene_features")),
    )
    op.create_table(
        "scenes",
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("scene", sa.Integer(), nullable=False),
        sa.Column("start_frame", sa.Integer(), nullable=False),
        sa.Column("end_frame", sa.Integer(), nullable=False),
        sa.Column("start_seconds", sa.Float(), nullable=False),
        sa.Column("end_seconds", sa.Float(), nullable=False),
        sa.CheckConstraint("end_frame > start_frame", name=op.f("ck_scenes_not_empty")),
        sa.ForeignKeyConstraint(
            ["creative_id"], ["creatives.creative_id"], name=op.f("fk_scenes_creative_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("creative_id", "scene", name=op.f("pk_scenes")),
    )
    op.create_table(
        "synthetic_revenue",
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="order within the deal, by occurred time"),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.BigInteger(), nullable=False, comment="value of the stage"),
        sa.Column("pipeline_increment", sa.BigInteger(), nullable=False),
        sa.Column(
            "cash_increment",
            sa.BigInteger(),
            nullable=False,
            comment="amount when won, its negative when a won deal reopens",
        ),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deal_id"], ["deals.deal_id"], name=op.f("fk_synthetic_revenue_deal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("deal_id", "position", name=op.f("pk_synthetic_revenue")),
    )
    op.create_table(
        "ad_change_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("change_id", sa.UUID(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("world", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("campaign_ref", sa.Text(), nullable=False),
        sa.Column("object_ref", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("change_type", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False, comment="whose hourly limit this counts toward"),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_budget", sa.BigInteger(), nullable=True),
        sa.Column("previous_budget", sa.BigInteger(), nullable=True, comment="read from the platform just before"),
        sa.Column("target_budget", sa.BigInteger(), nullable=True, comment="after fuzz and limits"),
        sa.Column("actual_budget", sa.BigInteger(), nullable=True, comment="as applied"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column(
            "adjustments",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="what fuzz and limits did, in words",
        ),
        sa.Column("error", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "started_real", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_real", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(finished_at is null) = (status in ('executing', 'unknown'))", name=op.f("ck_ad_change_history_finished")
        ),
        sa.CheckConstraint("scope in ('campaign', 'account')", name=op.f("ck_ad_change_history_scope")),
        sa.CheckConstraint(
            "status in ('executing', 'applied', 'reconciled', 'not_applied', 'unknown', 'throttled', 'failed', 'conflict')",
            name=op.f("ck_ad_change_history_status"),
        ),
        sa.ForeignKeyConstraint(["change_id"], ["pending_ad_changes.id"], name=op.f("fk_ad_change_history_change_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ad_change_history")),
        sa.UniqueConstraint("change_id", "attempt", name=op.f("uq_ad_change_history_change_id_attempt")),
    )
    op.create_index(
        "ix_ad_change_history_account_window", "ad_change_history", ["account_id", "scope", "finished_at"], unique=False
    )
    op.create_index(
        "ix_ad_change_history_campaign_window",
        "ad_change_history",
        ["campaign_ref", "scope", "finished_at"],
        unique=False,
    )
    op.create_index("ix_ad_change_history_object", "ad_change_history", ["object_ref", "finished_at"], unique=False)
    op.create_table(
        "dead_letters",
        sa.Column("change_id", sa.UUID(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False, comment="error class or rule that ended it"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("died_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["change_id"], ["pending_ad_changes.id"], name=op.f("fk_dead_letters_change_id")),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_dead_letters")),
    )
