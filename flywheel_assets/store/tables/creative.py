"""From a dropped file to a publish plan. Rows of one creative are replaced whole, stage by stage."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from flywheel_assets.store.tables.base import METADATA, Instant, Json, required_text


def _creative() -> Column[str]:
    return Column("creative_id", Text, ForeignKey("creatives.creative_id", ondelete="CASCADE"), nullable=False)


# Every file that was ever dropped, accepted or not; `rule` and `remedy` say why not.
uploads = Table(
    "uploads",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    required_text("name"),
    required_text("source", comment="drop_folder"),
    Column("size", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("sha256", Text),
    required_text("status"),
    Column("rule", Text),
    Column("reason", Text),
    Column("remedy", Text),
    Column("creative_id", Text),
    Column("seen_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    UniqueConstraint("source", "name", "size", "modified_ns"),
    CheckConstraint("status in ('accepted', 'duplicate', 'rejected')", name="status"),
    CheckConstraint("(status = 'rejected') = (rule is not null)", name="rejection_names_rule"),
)

videos = Table(
    "videos",
    METADATA,
    required_text("sha256", primary_key=True),
    required_text("uri"),
    required_text("name"),
    Column("bytes", BigInteger, nullable=False),
    Column("probe", Json, nullable=False),
    Column("stored_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
)

creatives = Table(
    "creatives",
    METADATA,
    required_text("creative_id", primary_key=True),
    Column("video_sha256", Text, ForeignKey("videos.sha256"), nullable=False),
    Column("account_id", Text, ForeignKey("accounts.account_id"), nullable=False),
    Column("brief", Json, nullable=False),
    Column("generation", Integer, nullable=False, server_default=text("0")),
    Column("parent_id", Text, ForeignKey("creatives.creative_id")),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="runs asked for"),
    Column("perception_digest", Text, comment="which cached perception this creative was made with"),
    Column("options", Json, comment="creative.options.Options; null where nobody asked for anything"),
    Column("asked_run", Integer, comment="the attempt that was asked for over HTTP, until its run is seen"),
    Column(
        "failure", Text, comment="why the last run that was asked for failed; null where none did since the last ask"
    ),
    Column("requested_at", Instant, nullable=False, server_default=text("flywheel_now()")),
)

# What engines saw, by content and settings: a refresh of the same video costs no second look.
perceptions = Table(
    "perceptions",
    METADATA,
    Column("video_sha256", Text, ForeignKey("videos.sha256"), nullable=False),
    required_text("settings_digest"),
    Column("result", Json, nullable=False, comment="creative.types.Perception"),
    Column("seen_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    PrimaryKeyConstraint("video_sha256", "settings_digest"),
)

scenes = Table(
    "scenes",
    METADATA,
    _creative(),
    Column("scene", Integer, nullable=False),
    Column("start_frame", Integer, nullable=False),
    Column("end_frame", Integer, nullable=False),
    Column("start_seconds", Float, nullable=False),
    Column("end_seconds", Float, nullable=False),
    Column("fade_in_frames", Integer, nullable=False, server_default=text("0"), comment="mixed with what was before"),
    Column("fade_out_frames", Integer, nullable=False, server_default=text("0"), comment="mixed with what follows"),
    Column("clean_start_seconds", Float, nullable=False),
    Column("clean_end_seconds", Float, nullable=False),
    PrimaryKeyConstraint("creative_id", "scene"),
    CheckConstraint("end_frame > start_frame", name="not_empty"),
    CheckConstraint("fade_in_frames + fade_out_frames <= end_frame - start_frame", name="fades_inside"),
)

scene_features = Table(
    "scene_features",
    METADATA,
    _creative(),
    Column("scene", Integer, nullable=False),
    Column("features", Json, nullable=False, comment="creative.types.SceneFeatures"),
    PrimaryKeyConstraint("creative_id", "scene"),
)

scene_ctr_predictions = Table(
    "scene_ctr_predictions",
    METADATA,
    _creative(),
    Column("scene", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("ctr", Float, nullable=False),
    Column("strength", Float, nullable=False, comment="impressions of evidence"),
    required_text("model"),
    Column("reasons", Json, nullable=False),
    PrimaryKeyConstraint("creative_id", "scene"),
    UniqueConstraint("creative_id", "rank"),
    CheckConstraint("ctr > 0 and ctr < 1", name="ctr"),
)

hooks = Table(
    "hooks",
    METADATA,
    _creative(),
    Column("hook", Integer, nullable=False),
    required_text("family"),
    required_text("text"),
    PrimaryKeyConstraint("creative_id", "hook"),
)

creative_drafts = Table(
    "creative_drafts",
    METADATA,
    _creative(),
    required_text("key"),
    Column("blueprint", Json, nullable=False, comment="creative.types.Blueprint"),
    PrimaryKeyConstraint("creative_id", "key"),
)

council_verdicts = Table(
    "council_verdicts",
    METADATA,
    _creative(),
    required_text("key"),
    Column("turn", Integer, nullable=False),
    Column("score", Float, comment="null without a quorum"),
    Column("approved", Boolean, nullable=False),
    Column("verdict", Json, nullable=False, comment="creative.types.Verdict"),
    PrimaryKeyConstraint("creative_id", "key", "turn"),
    CheckConstraint("turn between 0 and 3", name="turn"),
    CheckConstraint("score between 0 and 100", name="score"),
    CheckConstraint("not approved or score is not null", name="approved_has_score"),
)

renders = Table(
    "renders",
    METADATA,
    _creative(),
    required_text("key"),
    required_text("ratio", server_default="9:16"),
    Column("leads", Boolean, nullable=False, server_default=text("true"), comment="whether it is the one published"),
    required_text("uri"),
    required_text("cover_uri"),
    required_text("plan_hash"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("passed", Boolean, nullable=False, comment="quality gate"),
    Column("quality", Json, nullable=False),
    Column("details", Json, nullable=False),
    PrimaryKeyConstraint("creative_id", "key", "ratio"),
)

publish_plans = Table(
    "publish_plans",
    METADATA,
    Column("creative_id", Text, ForeignKey("creatives.creative_id", ondelete="CASCADE"), primary_key=True),
    required_text("digest"),
    Column("plan", Json, nullable=False, comment="execution.structure.PublishPlan"),
)
