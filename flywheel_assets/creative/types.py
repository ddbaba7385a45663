"""What the creative stages hand to one another. All times are seconds from the start of the source video."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# --- what a person says about the video -----------------------------------------------------------


class Brief(_Value):
    """What is sold, to whom, and where a click leads. Empty slots switch hook families off; nothing is invented."""

    brand: str = Field(
        min_length=1, max_length=40, description="As you want it spelt on screen.", examples=["Bright Cup"]
    )
    product: str = Field(
        min_length=1,
        max_length=60,
        description="What you sell: a noun phrase without 'a' or 'the'.",
        examples=["office coffee service"],
    )
    audience: str = Field(
        min_length=1, max_length=60, description="Who it is for: a plural noun phrase.", examples=["office managers"]
    )
    pain: str = Field(
        min_length=1,
        max_length=60,
        description="What bothers them: a noun phrase.",
        examples=["a broken coffee machine"],
    )
    pain_doing: str = Field(
        min_length=1,
        max_length=60,
        description="The same as something they are stuck doing: a gerund, '-ing'.",
        examples=["waiting for a repair"],
    )
    outcome: str = Field(
        min_length=1,
        max_length=60,
        description="What they get: a noun phrase.",
        examples=["fresh coffee every morning"],
    )
    outcome_do: str = Field(
        min_length=1,
        max_length=60,
        description="What they can then do: a verb phrase.",
        examples=["start every morning with fresh coffee"],
    )
    call_to_action: str = Field(
        min_length=1, max_length=32, description="Verb first.", examples=["Book your free tasting"]
    )
    landing_url: str = Field(
        pattern=r"^https?://",
        max_length=500,
        description="Where a click leads; tracking is added for you.",
        examples=["https://example.com/bright-cup"],
    )
    offer: str | None = Field(
        None, max_length=60, description="Only what you will really honour.", examples=["first month free"]
    )
    proof: str | None = Field(
        None,
        max_length=80,
        description="A fact that can be shown on request.",
        examples=["Trusted by more than 1,000 offices"],
    )
    objection: str | None = Field(
        None, max_length=60, description="What makes them hesitate: a noun phrase.", examples=["a long contract"]
    )
    time_frame: str | None = Field(
        None, max_length=30, description="How soon they get help.", examples=["within 24 hours"]
    )
    language: str = Field("en", pattern=r"^[a-z]{2}$", description="Two letters; hooks are written in English only.")


# --- what was seen, read and heard ----------------------------------------------------------------


_LEAST_OWN_SECONDS = 0.5  # a scene that has less of its own is shown with what is mixed into it


class Scene(_Value):
    """Half-open span of frames [start_frame, end_frame).

    Scenes that dissolve meet in the middle of it, so that each holds pictures of the other. Frames that are
    its own alone are shown from ``clean_start`` to ``clean_end``; there may be none, and then both are equal.
    """

    index: int
    start_frame: int
    end_frame: int
    start: float
    end: float
    fade_in_frames: int = Field(
        0, ge=0, description="Frames at its start that are mixed with what was before: a scene or a plain picture."
    )
    fade_out_frames: int = Field(0, ge=0, description="Frames at its end that are mixed with what follows.")
    clean_start: float = Field(default_factory=lambda scene: scene["start"])
    clean_end: float = Field(default_factory=lambda scene: scene["end"])

    @model_validator(mode="after")
    def _clean_is_inside(self) -> Self:
        first, last = self.clean_frames
        if first > last or not self.start <= self.clean_start <= self.clean_end <= self.end:
            clean = f"frames [{first}, {last}), {self.clean_start:g} s to {self.clean_end:g} s"
            raise ValueError(f"scene {self.index}: its clean part ({clean}) must lie inside it")
        return self

    @property
    def seconds(self) -> float:
        """Length of the scene."""
        return self.end - self.start

    @property
    def clean_frames(self) -> tuple[int, int]:
        """Half-open span of the frames that are its own alone."""
        return self.start_frame + self.fade_in_frames, self.end_frame - self.fade_out_frames

    @property
    def clean_seconds(self) -> float:
        """Length of what is its own alone."""
        return self.clean_end - self.clean_start

    @property
    def shown(self) -> tuple[float, float]:
        """From when to when an advert shows it: what is its own alone; all of it, where little is.

        Words said in a fade make it a little longer when it is rendered.
        """
        is_short = self.clean_seconds < _LEAST_OWN_SECONDS
        return (self.start, self.end) if is_short else (self.clean_start, self.clean_end)

    @property
    def shown_seconds(self) -> float:
        """How long an advert shows it."""
        return self.shown[1] - self.shown[0]


Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the picture

Modality = Literal["scenes", "look", "text", "objects", "faces", "speech", "voice", "loudness", "beat"]


def printable(text: str) -> str:
    """The text without characters that steer a terminal or turn the direction of what follows."""
    return "".join(letter for letter in text if letter.isprintable())


# Written by whoever made the video.
Foreign = Annotated[str, AfterValidator(printable)]


class Engine(_Value):
    """Which model or method produced a result, or why none did."""

    name: str
    version: str | None = None
    weights_sha256: str | None = None
    settings: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Whatever else changes its results."
    )
    unavailable: str | None = Field(None, description="Reason; set exactly when nothing is known of the modality.")


class Word(_Value):
    """One spoken word."""

    text: Foreign
    start: float
    end: float
    probability: float


class ScreenText(_Value):
    """One line of text and how long it stands; it ends with the scene and goes on in the next as a new one."""

    text: Foreign
    start: float
    end: float
    box: Box
    confidence: float


class UnreadText(_Value):
    """Letters that the engine found and cannot read: another script, or too blurred. Nothing is guessed."""

    start: float
    end: float
    box: Box


class SeenObject(_Value):
    """An object or person found in one frame."""

    label: str
    time: float
    box: Box
    confidence: float


class SeenFace(_Value):
    """A face found in one frame: that there is one and where, never whose."""

    time: float
    box: Box
    confidence: float


class SceneFeatures(_Value):
    """One scene as measured. None means the modality was not available, never that nothing was there."""

    index: int
    brightness: float = Field(description="Mean luma, 0 to 1.")
    saturation: float = Field(description="Mean HSV saturation, 0 to 1.")
    motion: float = Field(description="Mean absolute luma difference of frames a tenth of a second apart, 0 to 1.")
    sharpness: float = Field(description="Variance of the Laplacian at 320 px width, squared grey levels.")
    colours: tuple[str, ...] | None = Field(None, description="Up to three colours, #rrggbb, largest area first.")
    texts: tuple[ScreenText, ...] | None = None
    unread: tuple[UnreadText, ...] | None = None
    text_density: float | None = Field(None, description="Mean share of the picture that text covers, 0 to 1.")
    objects: tuple[SeenObject, ...] | None = None
    faces: tuple[SeenFace, ...] | None = None
    words: tuple[Word, ...] | None = None
    voice: float | None = Field(None, description="Share of the scene in which somebody speaks or sings, 0 to 1.")
    loudness: float | None = Field(None, description="LUFS of the scene's sound, ungated; silence is -70.")
    beats: tuple[float, ...] | None = Field(
        None, description="Seconds of the music's beats; empty without a steady one."
    )


class Perception(_Value):
    """All that is known of a source video. Text in it is data from outside: shown, stored, never obeyed."""

    video_sha256: str
    fps: float
    frame_count: int
    width: int
    height: int
    has_audio: bool
    scenes: tuple[Scene, ...]
    features: tuple[SceneFeatures, ...]
    engines: dict[Modality, Engine]
    loudness: float | None = Field(None, description="Integrated loudness of the whole, LUFS, gated as in EBU R 128.")
    tempo: float | None = Field(None, description="Beats a minute; None without a steady beat or without sound.")


class ScenePrediction(_Value):
    """A prior for the click-through rate of an ad that opens with this scene."""

    index: int
    rank: int = Field(ge=1)
    ctr: float = Field(gt=0, lt=1, description="Predicted inline link clicks per impression.")
    strength: float = Field(gt=0, description="Impressions of evidence the prediction is worth.")
    model: str
    reasons: tuple[str, ...] = Field(description="The features that moved the score, largest first.")


# --- what is proposed and judged ------------------------------------------------------------------


class Hook(_Value):
    """An opening line for the screen."""

    index: int
    family: str
    text: str


class Blueprint(_Value):
    """The plan of one variation: what opens, in which order, what is said on screen, what it asks for."""

    key: str = Field(pattern=r"^v\d{2}$", description="Name inside the creative, v01 …")
    hook: Hook
    scene_order: tuple[int, ...] = Field(min_length=1, description="Scene indexes in playing order, no repeats.")
    promise: str = Field(description="One line of body copy; the primary text of the ad.")
    call_to_action: str
    offer: str | None = None
    proof: str | None = None
    brand: str
    parent: str | None = Field(None, description="Key of the blueprint this one was varied from.")
    learned_from: tuple[str, ...] = Field(
        (), description="Ads that won with this hook's family; their pattern is used again."
    )


class RubricLine(_Value):
    """One measured line of a judgement."""

    feature: str
    points: float
    out_of: float
    evidence: str


class Vote(_Value):
    """One judge's score of one draft. A judge that cannot judge abstains: score is None and reason says why."""

    judge: str
    score: float | None = Field(ge=0, le=100)
    weight: float = Field(ge=0)
    reason: str
    lines: tuple[RubricLine, ...] = ()


class Verdict(_Value):
    """The council's answer on one draft at one turn (0 = as drafted, 1 to 3 = after a rewrite)."""

    blueprint: Blueprint
    turn: int = Field(ge=0, le=3)
    score: float | None = Field(description="Weighted mean of the votes; None without a quorum.")
    approved: bool
    votes: tuple[Vote, ...]
    reflection: str | None = Field(None, description="What the next turn changes, and why; None when none follows.")
