"""The filter graph of one segment: clips, what modules do to them, how two mix, and the text on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from flywheel_assets.rendering import emoji, ffmpeg, modules
from flywheel_assets.rendering.effects import Effect, Material, Steady
from flywheel_assets.rendering.emoji import Sticker
from flywheel_assets.rendering.types import Clip, EditPlan, Mix, Segment

_CLONES = 3  # pictures repeated at most at the end of a span, where frame rates do not divide
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Survey:
    """A first pass over one clip that writes into the working folder."""

    seek: tuple[str, ...]
    filter: str


@dataclass(frozen=True)
class Graph:
    """Filter text from inputs to `[v]`.

    Attributes:
        seeks: the input span of each clip, in order.
        pictures: names in the working folder of the pictures that follow them as inputs.
        files: all materials by their name in the working folder.
        modules: whose effects are in it.
    """

    text: str
    seeks: tuple[tuple[str, ...], ...]
    pictures: tuple[str, ...]
    files: dict[str, Material]
    surveys: tuple[Survey, ...]
    modules: frozenset[str]

    def inputs(self, source: Path) -> list[str]:
        """Arguments that open the source once a clip, then the pictures.

        Each picture comes once: repeated, it would keep a graph going for ever whose source gives no frames.
        """
        clips = [argument for seek in self.seeks for argument in (*seek, *ffmpeg.original(source))]
        return clips + [argument for name in self.pictures for argument in ffmpeg.local_input(Path(name))]

    @property
    def identity(self) -> list[object]:
        """All that decides the pictures it makes of a source."""
        files = sorted((name, material.sha256) for name, material in self.files.items())
        return [self.text, self.seeks, self.pictures, files, [(each.seek, each.filter) for each in self.surveys]]


def graph_of(segment: Segment, plan: EditPlan, stickers: Sequence[Sticker] = ()) -> Graph:
    """The graph of a segment, with the emoji of its text."""
    return _Weaver(plan, len(segment.clips)).weave(segment, stickers)


def emoji_names(stickers: Sequence[object]) -> list[str]:
    """What the pictures of emoji are called in the working folder."""
    return [f"emoji{place}.png" for place in range(len(stickers))]


class _Weaver:
    """Collects what the effects of one segment need while their text is put together."""

    def __init__(self, plan: EditPlan, clips: int) -> None:
        self._plan, self._clips = plan, clips
        self._pictures: list[str] = []
        self._files: dict[str, Material] = {}
        self._surveys: list[Survey] = []
        self._modules: set[str] = set()

    def weave(self, segment: Segment, stickers: Sequence[Sticker]) -> Graph:
        clips = [self._clip(number, clip) for number, clip in enumerate(segment.clips)]
        base = _mixed(clips, segment.mix, segment.frames / self._plan.fps)
        finish = [self._effect(effect, f"o{place}") for place, effect in enumerate(segment.effects)]
        text = ",".join([base, *finish, f"ass=text.ass:fontsdir=fonts[{'inked' if stickers else 'v'}]"])
        if stickers:
            text += ";" + emoji.graph(stickers, "inked", "v", self._clips + len(self._pictures))
            self._pictures += emoji_names(stickers)
        seeks = tuple(_seek(clip, self._plan) for clip in segment.clips)
        return Graph(
            text, seeks, tuple(self._pictures), self._files, tuple(self._surveys), frozenset(self._modules)
        )  # fmt: skip

    def _clip(self, number: int, clip: Clip) -> str:
        """From the input of that number to pictures at the size and rate of the output."""
        steps = [_timing(clip, self._plan)]
        for place, effect in enumerate(clip.effects):
            tag = f"{number}e{place}"
            if (look := modules.module(effect.module).survey(effect, tag)) is not None:
                self._surveys.append(Survey(_seek(clip, self._plan), ",".join([*steps, look])))
            steps.append(self._effect(effect, tag))
        if clip.held:
            steps.append(f"loop=loop=-1:size=1,setpts=N/{self._plan.fps}/TB,fps={self._plan.fps}")
        return f"[{number}:v:0]{','.join(steps)}"

    def _effect(self, effect: Effect, tag: str) -> str:
        owner = modules.module(effect.module)
        self._modules.add(owner.name)
        text = owner.filter(effect, self._plan.canvas, tag)
        material = owner.material(effect)
        if material is None:
            return text
        # Named by us: a name from outside could mean something in filter text.
        suffix = PurePath(material.name).suffix.lower()
        name = f"material{len(self._files)}{suffix}"
        self._files[name] = material
        if suffix not in _PICTURES:
            return text.replace("[file]", name)
        self._pictures.append(name)
        return text.replace("[image]", f"[{self._clips + len(self._pictures) - 1}:v]")


def _timing(clip: Clip, plan: EditPlan) -> str:
    """Pictures at the output's rate from the clip's start on, which the seek left behind by up to half a picture.

    Counted from the first picture that came instead, those of a varying rate would run ahead of their sound.
    """
    if clip.held:
        return "trim=end_frame=1,setpts=PTS-STARTPTS"
    early = _looked_at(clip, plan)[0] - _seek_start(clip, plan)
    return f"setpts=PTS-{early:.6f}/TB,fps={plan.fps}:start_time=0,tpad=stop_mode=clone:stop={_CLONES}"


def _mixed(clips: Sequence[str], mix: Mix | None, seconds: float) -> str:
    if mix is None:
        return clips[0]
    named = ";".join(f"{clip}[clip{number}]" for number, clip in enumerate(clips))
    return f"{named};[clip0][clip1]xfade=transition={mix.kind}:duration={seconds:.6f}:offset=0"


def _seek(clip: Clip, plan: EditPlan) -> tuple[str, ...]:
    """Input span, half a source frame early at both ends: no rounding can lose the first frame or show the next scene."""
    start, (_, end) = _seek_start(clip, plan), _looked_at(clip, plan)
    return "-ss", f"{start:.6f}", "-t", f"{end - 0.5 / plan.source_fps - start:.6f}"


def _seek_start(clip: Clip, plan: EditPlan) -> float:
    return max(_looked_at(clip, plan)[0] - 0.5 / plan.source_fps, 0.0)


def _looked_at(clip: Clip, plan: EditPlan) -> tuple[float, float]:
    """Source seconds that are decoded: more than are shown where a camera is steadied."""
    steady = next((effect for effect in clip.effects if isinstance(effect, Steady)), None)
    if steady is None:
        return clip.source_start, clip.source_end
    return clip.source_start - steady.lead / plan.fps, clip.source_end + steady.rest / plan.fps
