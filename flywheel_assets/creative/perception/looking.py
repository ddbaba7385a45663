"""The engines of the eye on the chosen pictures: text, objects and people, faces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from flywheel_assets.creative.perception import choosing, texts
from flywheel_assets.creative.perception.engines.base import FaceEngine, ObjectEngine
from flywheel_assets.creative.perception.engines.choice import Place, load
from flywheel_assets.creative.perception.reading import Reader
from flywheel_assets.creative.perception.scenes import Progress
from flywheel_assets.creative.perception.stills import Stills
from flywheel_assets.creative.perception.texts import Reading, ReadText
from flywheel_assets.creative.types import Box, Engine, Modality, Scene, SeenFace, SeenObject

_PICTURES = 4  # unpacked at a time while a text is followed


@dataclass(frozen=True)
class Looked:
    """What the engines saw; None where there was no engine.

    Attributes:
        texts: every line with its start and end in seconds, unreadable ones too.
        objects, faces: per scene, in the scenes' order.
    """

    texts: tuple[tuple[ReadText, float, float], ...] | None
    objects: tuple[tuple[SeenObject, ...], ...] | None
    faces: tuple[tuple[SeenFace, ...], ...] | None


def look_closely(
    scenes: Sequence[Scene],
    stills: Stills,
    chosen: Mapping[Modality, Engine],
    place: Place,
    progress: Progress | None = None,
) -> Looked:
    """Show the chosen pictures to the engines, each picture once.

    Raises:
        ValueError: the scenes do not belong to these pictures.
    """
    objects: list[tuple[SeenObject, ...]] = []
    faces: list[tuple[SeenFace, ...]] = []
    with ThreadPoolExecutor(1, thread_name_prefix="read") as thread:
        can_read = chosen["text"].unavailable is None
        reader = Reader(thread, partial(load, "text", chosen["text"], place)) if can_read else None
        finder: ObjectEngine | None = _loaded("objects", chosen, place)
        spotter: FaceEngine | None = _loaded("faces", chosen, place)
        for scene in scenes:
            for_text = choosing.for_text(scene, stills.all) if reader else []
            for_things = choosing.for_things(scene, stills.all) if finder or spotter else []
            things: list[SeenObject] = []
            people: list[SeenFace] = []
            for at in sorted({*for_text, *for_things}):
                image = stills.picture(at)
                time = max(stills.all[at].time, scene.start)
                if reader and at in for_text:
                    reader.ask(at, image)
                if at in for_things:
                    things += finder.read(image, time) if finder else ()
                    people += spotter.read(image, time) if spotter else ()
            objects.append(tuple(things))
            faces.append(tuple(people))
            if progress:
                progress("picture", len(objects), len(scenes))
        read = reader.answers() if reader else None
    return Looked(
        texts=None if read is None else _followed(read, scenes, stills),
        objects=tuple(objects) if finder else None,
        faces=tuple(faces) if spotter else None,
    )


def _loaded(modality: Modality, chosen: Mapping[Modality, Engine], place: Place) -> Any:
    return load(modality, chosen[modality], place) if chosen[modality].unavailable is None else None


def _followed(
    read: Mapping[int, tuple[ReadText, ...]], scenes: Sequence[Scene], stills: Stills
) -> tuple[tuple[ReadText, float, float], ...]:
    """The lines of all looks as texts that stand from a start to an end."""
    readings = [Reading(at, read[at]) for at in sorted(read)]
    timeline = texts.Timeline(
        times=[(still.time, still.until) for still in stills.all],
        cuts=[*(scene.start for scene in scenes), scenes[-1].end],
    )
    return tuple(texts.spans(texts.linked(readings), readings, timeline, _comparison(stills)))


def _comparison(stills: Stills) -> Callable[[int, int, Box], bool]:
    """Whether a box shows the same letters in the pictures at two positions."""
    grey = lru_cache(maxsize=_PICTURES)(stills.grey)

    def stands_at(one: int, other: int, box: Box) -> bool:
        return texts.still_there(texts.strokes(grey(one), box), texts.strokes(grey(other), box))

    return stands_at
