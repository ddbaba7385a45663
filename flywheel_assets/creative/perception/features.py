"""What every scene looks like, shows and says: one decode of the picture, one of the sound."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines import Modality, ObjectEngine, TextEngine, identities
from flywheel_assets.creative.perception.scenes import Progress
from flywheel_assets.creative.perception.sound import read_sound
from flywheel_assets.creative.perception.video import Decoded, Image, picture, quarter_turns, read_frames, shrink
from flywheel_assets.creative.perception.visual import WIDTH, Look, LookMeter
from flywheel_assets.creative.types import Engine, Scene, SceneFeatures, ScreenText, SeenObject, Word

_LONGEST = 1280  # pixels; a caption that fills a fortieth of the height is still 18 pixels high
_SETTLE = 0.2  # seconds after and before a cut, when captions pop in and the picture is still soft
_STRIDE = 3.0  # seconds; a longer scene is looked at more often than at start, middle and end
_LEAST_LOOKS = 3


@dataclass(frozen=True)
class Measured:
    """The features of every scene, and the engine of every modality or why there was none."""

    features: tuple[SceneFeatures, ...]
    engines: dict[Modality, Engine]


@dataclass
class _Seen:
    """What one scene's frames gave."""

    look: Look
    texts: tuple[ScreenText, ...] | None
    objects: tuple[SeenObject, ...] | None


def features(
    path: Path, scenes: Sequence[Scene], *, weights_dir: Path, language: str, progress: Progress | None = None
) -> Measured:
    """Measure the scenes of a video.

    Args:
        path: the video the scenes were found in.
        scenes: as `detect_scenes` returned them.
        weights_dir: where `flywheel fetch-weights` put its files.
        language: of the brief, two letters; the packaged speech model knows ``en`` only.
        progress: told after every measured scene, and around speech recognition.

    Raises:
        IntakeRejected: ``damaged``.
        ValueError: the scenes do not belong to this video.
    """
    engines = identities(weights_dir, language)
    words = _listen(path, engines, language, progress)
    seen = _watch(path, scenes, engines, weights_dir, progress)
    spoken = None if words is None else words_by_scene(words, scenes)
    rows = tuple(
        SceneFeatures(
            index=scene.index,
            brightness=row.look.brightness,
            saturation=row.look.saturation,
            motion=row.look.motion,
            sharpness=row.look.sharpness,
            texts=row.texts,
            objects=row.objects,
            words=None if spoken is None else spoken[place],
        )
        for place, (scene, row) in enumerate(zip(scenes, seen, strict=True))
    )
    return Measured(rows, engines)


def moments(scene: Scene) -> tuple[int, ...]:
    """Frame indexes at which text and objects are looked for: just after the start to just before the end, evenly."""
    frames = scene.end_frame - scene.start_frame
    settle = min(round(_SETTLE * frames / scene.seconds), (frames - 1) // 3)
    first, last = scene.start_frame + settle, scene.end_frame - 1 - settle
    looks = max(_LEAST_LOOKS, math.ceil(scene.seconds / _STRIDE) + 1)
    return tuple(sorted({round(first + (last - first) * step / (looks - 1)) for step in range(looks)}))


def words_by_scene(words: Sequence[Word], scenes: Sequence[Scene]) -> tuple[tuple[Word, ...], ...]:
    """Every word in the scene that shows at its middle; what is said after the last picture belongs to the last."""
    spoken: list[list[Word]] = [[] for _ in scenes]
    for word in words:
        middle = (word.start + word.end) / 2
        place = next((place for place, scene in enumerate(scenes) if middle < scene.end), len(scenes) - 1)
        spoken[place].append(word)
    return tuple(tuple(each) for each in spoken)


def _listen(
    path: Path, engines: dict[Modality, Engine], language: str, progress: Progress | None
) -> tuple[Word, ...] | None:
    """The spoken words; None, with the reason put into ``engines``, when nobody could listen."""
    from flywheel_assets.creative.perception.engines.speech import FasterWhisper

    if engines["speech"].unavailable is not None:
        return None
    try:
        samples = read_sound(path)
    except NotAvailable as reason:
        engines["speech"] = Engine(name=engines["speech"].name, unavailable=str(reason))
        return None
    if progress:
        progress("speech", 0, 1)
    words = FasterWhisper(language).read(samples)
    if progress:
        progress("speech", 1, 1)
    return words


def _watch(
    path: Path,
    scenes: Sequence[Scene],
    engines: dict[Modality, Engine],
    weights_dir: Path,
    progress: Progress | None,
) -> list[_Seen]:
    """One decode of the picture through the meters and the engines of the eye."""
    from flywheel_assets.creative.perception.engines.objects import OnnxYolo
    from flywheel_assets.creative.perception.engines.text import RapidOcr

    text = RapidOcr() if engines["text"].unavailable is None else None
    objects = OnnxYolo(weights_dir) if engines["objects"].unavailable is None else None
    frames = read_frames(path)
    seen: list[_Seen] = []
    for scene in scenes:
        seen.append(_watch_scene(scene, frames, text, objects))
        if progress:
            progress("picture", len(seen), len(scenes))
    return seen


def _watch_scene(
    scene: Scene, frames: Iterator[Decoded], text: TextEngine | None, objects: ObjectEngine | None
) -> _Seen:
    """Take the scene's frames off the stream, and no more."""
    meter, wanted = LookMeter(), set(moments(scene))
    texts: list[ScreenText] = []
    things: list[SeenObject] = []
    for decoded in frames:
        if meter.wants(decoded.time):
            meter.add(_small(decoded), decoded.time)
        if decoded.index in wanted and (text or objects):
            image = picture(decoded.frame, _LONGEST)
            texts += text.read(image, decoded.time) if text else ()
            things += objects.read(image, decoded.time) if objects else ()
        if decoded.index == scene.end_frame - 1:
            break
    return _Seen(meter.look(), tuple(texts) if text else None, tuple(things) if objects else None)


def _small(decoded: Decoded) -> Image:
    """The frame in BGR, `WIDTH` pixels wide as displayed (still lying on its side if it was filmed so)."""
    frame = decoded.frame
    upright = quarter_turns(frame.rotation) % 2 == 0
    scale = WIDTH / (frame.width if upright else frame.height)
    return shrink(frame, max(2, round(frame.width * scale)), max(2, round(frame.height * scale)), "bgr24")
