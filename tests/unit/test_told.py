"""What is told of a perception: every modality as it is, unknown as unknown, and where a brand is seen."""

from __future__ import annotations

import pytest

from flywheel_assets.creative.perception.brand import brand_presence, is_named
from flywheel_assets.creative.perception.told import as_dict, scene_rows, summary
from flywheel_assets.creative.types import (
    Engine,
    Perception,
    Scene,
    SceneFeatures,
    ScreenText,
    SeenFace,
    SeenObject,
    Word,
)

_BOX = (0.1, 0.1, 0.5, 0.2)


def _scene(index: int) -> Scene:
    return Scene(index=index, start_frame=60 * index, end_frame=60 * index + 60, start=2.0 * index, end=2.0 * index + 2)


def _text(text: str, start: float, end: float) -> ScreenText:
    return ScreenText(text=text, start=start, end=end, box=_BOX, confidence=0.9)


def _words(text: str, start: float) -> tuple[Word, ...]:
    return tuple(
        Word(text=word, start=start + 0.3 * at, end=start + 0.3 * at + 0.2, probability=0.9)
        for at, word in enumerate(text.split())
    )


def _things(*labels: str, time: float) -> tuple[SeenObject, ...]:
    return tuple(SeenObject(label=label, time=time, box=_BOX, confidence=0.9) for label in labels)


def _perception(*rows: dict[str, object]) -> Perception:
    usual = {"brightness": 0.5, "saturation": 0.4, "motion": 0.02, "sharpness": 900.0}
    features = [SceneFeatures.model_validate({"index": index, **usual, **row}) for index, row in enumerate(rows)]
    return Perception(
        video_sha256="0" * 64,
        fps=30.0,
        frame_count=60 * len(rows),
        width=1280,
        height=720,
        has_audio=True,
        scenes=tuple(_scene(index) for index in range(len(rows))),
        features=tuple(features),
        engines={"text": Engine(name="rapidocr", unavailable="no weights")},
    )


SEEN = _perception(
    {
        "texts": (_text("Bright Cup", 0.5, 2.0), _text("Order now", 0.5, 1.0)),
        "words": _words("meet bright cup today", 0.2),
        "objects": (*_things("person", "person", "cup", time=0.5), *_things("person", time=1.5)),
        "faces": (SeenFace(time=0.5, box=_BOX, confidence=0.9),),
    },
    {
        "texts": (_text("Bright Cup", 2.0, 3.0),),
        "words": (),
        "objects": _things("cup", time=2.5),
        "faces": (),
    },
)


def test_the_whole_is_told_with_the_names_that_programs_read() -> None:
    told = as_dict(SEEN)
    whole = {"fade_in_frames": 0, "fade_out_frames": 0, "clean_start": 2.0, "clean_end": 4.0}
    assert told["scenes"][1] == {"start_frame": 60, "end_frame": 120, "start": 2.0, "end": 4.0, **whole}
    assert [(one["text"], one["start"], one["end"], one["box"]) for one in told["texts"]] == [
        ("Bright Cup", 0.5, 3.0, _BOX),
        ("Order now", 0.5, 1.0, _BOX),
    ]
    assert {"word", "start", "end"} <= told["words"][0].keys()
    assert told["objects"] == [
        {"label": "cup", "count": 1, "scenes": [0, 1]},
        {"label": "person", "count": 2, "scenes": [0]},
    ]
    assert told["engines"] == {"text": {"name": "rapidocr", "settings": {}, "unavailable": "no weights"}}


def test_what_was_not_available_is_none_and_what_was_looked_for_in_vain_is_empty() -> None:
    blind = as_dict(_perception({}, {}))
    looked = as_dict(_perception({"texts": (), "words": (), "objects": (), "faces": ()}))
    for name in ("texts", "words", "objects", "faces"):
        assert blind[name] is None
        assert looked[name] == []
    assert "not available" in summary(_perception({}))
    assert summary(SEEN) == "3 texts, 4 words, 5 objects, 1 faces"


def test_one_scene_without_an_engine_makes_the_whole_unknown() -> None:
    assert as_dict(_perception({"texts": ()}, {}))["texts"] is None


def test_a_row_of_the_table_tells_each_thing_once_and_a_missing_modality_in_words() -> None:
    row, other = scene_rows(SEEN)
    assert row["objects"] == "person cup"
    assert (row["faces"], other["faces"]) == (1, 0)
    assert scene_rows(_perception({}))[0]["faces"] == "not available"


def test_what_a_video_says_cannot_steer_a_terminal() -> None:
    hostile = "Sale\x1b]0;owned\x07 \u202eevil\x00"
    (text,) = as_dict(_perception({"texts": (_text(hostile, 0, 1),)}))["texts"]
    assert text["text"] == "Sale]0;owned evil"
    assert Word(text="\x1b[2Jhi", start=0, end=1, probability=1).text == "[2Jhi"


# --- brand ----------------------------------------------------------------------------------------


def test_a_brand_is_found_on_the_screen_and_in_what_is_said() -> None:
    found = brand_presence(SEEN, "Bright Cup")
    assert found.read == ((0.5, 3.0),)
    assert found.heard == (pytest.approx(0.5),)
    assert (found.first, found.share) == (0.5, pytest.approx(0.625))


def test_a_brand_nobody_could_look_for_is_unknown() -> None:
    found = brand_presence(_perception({"words": ()}), "Bright Cup")
    assert (found.read, found.heard, found.first, found.share) == (None, (), None, None)


def test_an_absent_brand_is_seen_nowhere() -> None:
    found = brand_presence(SEEN, "Dark Mug")
    assert (found.read, found.heard, found.first, found.share) == ((), (), None, 0)


@pytest.mark.parametrize(
    ("text", "name", "named"),
    [
        ("BrightCup", "Bright Cup", True),
        ("The Brlght Cup company", "bright cup", True),
        ("example.com/bright-cup", "Bright Cup", True),
        ("Brighter days", "Bright Cup", False),
        ("a nice place", "Ace", False),
        ("Ace! Now", "ACE", True),
        ("anything", "!?", False),
    ],
)
def test_names_are_compared_by_their_letters(text: str, name: str, named: bool) -> None:
    assert is_named(text, name) is named
