"""The survey: one decode of the asked scenes, and what it tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from flywheel_assets.core.errors import NotAvailable, RenderFailed
from flywheel_assets.creative.perception.engines import yunet
from flywheel_assets.creative.perception.engines.base import FaceEngine
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.types import Box, Engine, Perception, Scene, SceneFeatures
from flywheel_assets.rendering.survey.looks import Looks
from flywheel_assets.rendering.survey.reading import frames_of
from flywheel_assets.rendering.survey.settings import DEFAULTS, Measuring
from flywheel_assets.rendering.survey.steadiness import Steadiness
from flywheel_assets.rendering.survey.tracks import Look, linked, main_things, people
from flywheel_assets.rendering.survey.types import SceneSurvey, Sighting, SubjectKind, Survey

VERSION = "1"  # raise it when a change of this package changes a number

_NO_LANGUAGE = ""  # faces have none


def survey(
    source: Path, perception: Perception, scenes: Iterable[int], weights_dir: Path, settings: Measuring = DEFAULTS
) -> Survey:
    """Look at the asked scenes of a video.

    Args:
        source: the video that was perceived.
        perception: its scenes, and the people and things already found.
        scenes: indexes of those that will be played; each is decoded once, in order, what lies between is not.
        weights_dir: where fetched weights lie; faces are looked for where their model is present.
        settings: how closely to look.

    Raises:
        RenderFailed: a scene is unknown, or the file shows no picture of it.
        IntakeRejected: the file cannot be decoded.
    """
    return look(source, perception, asked(perception, scenes), face_eye(weights_dir), settings)


def face_eye(weights_dir: Path) -> tuple[FaceEngine | None, Engine]:
    """The face engine, or None with the reason in its description."""
    try:
        eye = yunet.load(Place(weights_dir, _NO_LANGUAGE))
    except NotAvailable as reason:
        return None, Engine(name=yunet.NAME, unavailable=str(reason))
    return eye, eye.identity


def asked(perception: Perception, scenes: Iterable[int]) -> tuple[Scene, ...]:
    """The scenes of those indexes, each once, in order of time.

    Raises:
        RenderFailed: the video has no such scene.
    """
    known = {scene.index: scene for scene in perception.scenes}
    wanted = sorted(set(scenes))
    if unknown := [index for index in wanted if index not in known]:
        raise RenderFailed(
            f"survey: unknown_scene: scenes {unknown} were asked for, the video has {sorted(known)}; "
            "plan again from the current scenes"
        )
    return tuple(sorted((known[index] for index in wanted), key=lambda scene: scene.start))


def look(
    source: Path,
    perception: Perception,
    scenes: Sequence[Scene],
    eye: tuple[FaceEngine | None, Engine],
    settings: Measuring,
) -> Survey:
    """As `survey`, with the face engine given."""
    features = {one.index: one for one in perception.features}
    found: dict[int, SceneSurvey] = {}
    now: tuple[Looks, Steadiness] | None = None
    for scene, decoded in frames_of(source, scenes):
        if now is None or now[0].scene != scene:
            if now is not None:
                found[now[0].scene.index] = _told(*now, features.get(now[0].scene.index))
            now = Looks(scene, eye[0], settings, _faceless(features.get(scene.index))), Steadiness(settings)
        now[0].add(decoded)
        now[1].add(decoded)
    if now is not None:
        found[now[0].scene.index] = _told(*now, features.get(now[0].scene.index))
    if missing := [scene.index for scene in scenes if scene.index not in found]:
        raise RenderFailed(
            f"{source.name}: empty_scene: no picture of scenes {missing} could be decoded; the file is shorter than "
            "its analysis says, analyse it again"
        )
    ordered = tuple(found[index] for index in sorted(found))
    return Survey(
        video_sha256=perception.video_sha256, version=VERSION, fps=perception.fps, faces=eye[1], scenes=ordered
    )


def _faceless(features: SceneFeatures | None) -> bool:
    return features is not None and features.faces == ()


def _told(looks: Looks, steady: Steadiness, features: SceneFeatures | None) -> SceneSurvey:
    kind, subject = _subject(looks, features)
    luma, clipped, saturation = looks.light()
    return SceneSurvey(
        index=looks.scene.index,
        start=looks.scene.start,
        end=looks.scene.end,
        subject=subject,
        subject_kind=kind,
        shake=steady.shake(),
        luma=luma,
        clipped=clipped,
        saturation=saturation,
        stills=looks.stills(),
    )


def _subject(looks: Looks, features: SceneFeatures | None) -> tuple[SubjectKind | None, tuple[Sighting, ...]]:
    """The surest kind of subject that the scene has."""
    use, count = looks.use, len(looks.seen)
    looked = [one.time for one in looks.seen if one.faces is not None]
    faces: list[Look] = [(one.time, one.faces) for one in looks.seen if one.faces]
    if faces and len(faces) >= use.face_share * len(looked):
        return "face", linked(faces, use.face_gap)
    seen = (features.objects if features else None) or ()
    if persons := people(seen):
        return "person", linked(persons, use.thing_gap)
    if things := main_things(seen):
        return "object", linked(things, use.thing_gap)
    moving = _moving(looks)
    if len(moving) >= use.motion_share * count:
        return "motion", _one(moving)
    contrast = [(one.time, one.contrast) for one in looks.seen if one.contrast is not None]
    return ("contrast", _one(contrast)) if contrast else (None, ())


def _moving(looks: Looks) -> list[tuple[float, Box]]:
    known = zip(looks.seen, looks.changes, strict=True)
    return [(one.time, what.box) for one, what in known if what is not None and what.box is not None]


def _one(looks: Sequence[tuple[float, Box]]) -> tuple[Sighting, ...]:
    """What moves or stands out is one thing: it has no shape by which to tell two apart."""
    return tuple(Sighting(time=time, box=box) for time, box in looks)
