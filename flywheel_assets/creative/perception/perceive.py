"""Everything that is known of a source video, in one value, and the key under which it may be reused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from flywheel_assets.creative.perception import hearing, loudness, texts, visual
from flywheel_assets.creative.perception import scenes as cutting
from flywheel_assets.creative.perception.engines.choice import Place, identities
from flywheel_assets.creative.perception.hearing import Heard, listen, scene_loudness, voice_share, words_by_scene
from flywheel_assets.creative.perception.looking import Looked, look_closely
from flywheel_assets.creative.perception.probe import probe
from flywheel_assets.creative.perception.seeing import Watched, watch
from flywheel_assets.creative.perception.stills import kept_stills
from flywheel_assets.creative.types import Engine, Modality, Perception, Scene, SceneFeatures
from flywheel_assets.settings import Media, Perceiving

# Raise it when a change of this package's own code changes results.
_CODE = 6


def perceive(
    path: Path,
    *,
    video_sha256: str,
    media: Media,
    weights_dir: Path,
    language: str,
    wanted: Perceiving | None = None,
    progress: cutting.Progress | None = None,
) -> Perception:
    """Watch and listen to a local video: its pictures are decoded once, its sound once, both at a time.

    Args:
        path: the video.
        video_sha256: of its bytes.
        media: the bounds it has to keep, and how it is cut.
        weights_dir: where `flywheel fetch-weights` put its files.
        language: that is spoken, two letters.
        wanted: which engines; each the best one present if not given.
        progress: told as frames and scenes are done.

    Raises:
        IntakeRejected: the file cannot become an advert.
    """
    first = probe(path, media)
    place = Place(weights_dir, language)
    chosen = identities(place, wanted or Perceiving())
    with kept_stills() as stills, ThreadPoolExecutor(1, thread_name_prefix="listen") as pool:
        ear = pool.submit(listen, path, chosen, place)
        seen = watch(path, first, media, stills, progress)
        looked = look_closely(seen.scenes, stills, chosen, place, progress)
        heard = ear.result()
    if progress:
        progress("sound", 1, 1)
    return Perception(
        video_sha256=video_sha256,
        fps=first.fps,
        frame_count=seen.scenes[-1].end_frame,
        width=first.width,
        height=first.height,
        has_audio=first.has_audio,
        scenes=seen.scenes,
        features=tuple(_features(seen, looked, heard)),
        engines={**_methods(), **chosen, **heard.engines},
        loudness=None if heard.sound is None else loudness.integrated(heard.sound.power),
        tempo=None if heard.beats is None else heard.beats.tempo,
    )


def _methods() -> dict[Modality, Engine]:
    """What is computed from the frames and needs no weights."""
    opencv = version("opencv-python-headless")
    look = Engine(name="opencv", version=opencv, settings={"method": visual.VERSION, "width": visual.WIDTH})
    return {"scenes": cutting.engine(), "look": look}


def _features(seen: Watched, looked: Looked, heard: Heard) -> list[SceneFeatures]:
    words = None if heard.words is None else words_by_scene(heard.words, seen.scenes)
    return [
        SceneFeatures(
            index=scene.index,
            **_look(seen, scene),
            **_text(looked, scene),
            objects=None if looked.objects is None else looked.objects[at],
            faces=None if looked.faces is None else looked.faces[at],
            words=None if words is None else words[at],
            voice=None if heard.voice is None else voice_share(heard.voice, scene),
            loudness=None if heard.sound is None else scene_loudness(heard.sound, scene),
            beats=None if heard.beats is None else tuple(t for t in heard.beats.times if scene.start <= t < scene.end),
        )
        for at, scene in enumerate(seen.scenes)
    ]


def _look(seen: Watched, scene: Scene) -> Mapping[str, object]:
    own = [tick for tick in seen.ticks if scene.start_frame <= tick.index < scene.end_frame]
    # A scene shorter than a tenth of a second has the look of the tick nearest to it.
    return vars(visual.look(own or [min(seen.ticks, key=lambda tick: abs(tick.index - scene.start_frame))]))


def _text(looked: Looked, scene: Scene) -> Mapping[str, object]:
    if looked.texts is None:
        return {}
    own = texts.in_scene(looked.texts, scene)
    return {
        "texts": own,
        "unread": texts.unread_in_scene(looked.texts, scene),
        "text_density": texts.density(own, scene.seconds),
    }


def settings_digest(media: Media, language: str, weights_dir: Path, wanted: Perceiving | None = None) -> str:
    """Hexadecimal digest of all that a perception depends on besides the video: equal digests, equal results.

    It covers the engines with their versions, weights and settings, the decoder, the one setting that
    moves cuts and the language. The intake limits are left out: they refuse a video or leave it as it is.
    Where weights lie is left out too, so that an installation that moves keeps what it has seen.
    """
    known = {**_methods(), **hearing.methods(), **identities(Place(weights_dir, language), wanted or Perceiving())}
    engines = {name: each.model_dump_json().replace(str(weights_dir), "") for name, each in known.items()}
    parts = {
        "code": _CODE,
        "decoder": version("av"),
        "min_scene_seconds": media.min_scene_seconds,
        "language": language,
        "engines": engines,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
