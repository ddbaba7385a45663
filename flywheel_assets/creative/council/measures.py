"""What can be measured of a plan before it is rendered, one function per line of the rubric.

Every measure answers with a share of full marks, 0 to 1, and the evidence in words. A share of None means
that it cannot be known, because a modality was not looked at or there is nothing to measure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from flywheel_assets.creative.director.language import shared_meaning, terms, tidy, words
from flywheel_assets.creative.director.orders import (
    OPENING_SECONDS,
    cuts_share,
    opening_cuts,
    played,
    shots_share,
)
from flywheel_assets.creative.director.quality import hook_quality, readable_share
from flywheel_assets.creative.director.slots import is_verb_first
from flywheel_assets.creative.director.vocabulary import VAGUE_ACTION
from flywheel_assets.creative.sentences import understood
from flywheel_assets.creative.types import Blueprint, Box, Brief, Perception, Scene, SceneFeatures, Word

_SUBJECT_SECONDS, _SUBJECT_AREA = 2.0, 0.05
_PERSON = "person"
_OTHER_OBJECT = 0.5  # share of marks for an object that nothing says is the product
_PLANNED_BRAND = 0.5  # half for a planned overlay, half for the name being read or heard
_EDGE_SECONDS = 0.15  # a recogniser's word times are no finer
_COVERAGE = 0.95
_PAUSE_SECONDS = 0.6
_FEWEST_WORDS = 4
_WPM_ZERO, _WPM_FULL = (80.0, 230.0), (130.0, 180.0)
_CPS_FULL, _CPS_ZERO = 17.0, 25.0  # characters a second a viewer reads with ease, and not at all
_ONE_MESSAGE = 0.3


@dataclass(frozen=True)
class Measure:
    """``share`` of full marks, 0 to 1, or None when it cannot be known."""

    share: float | None
    evidence: str


@dataclass(frozen=True)
class Draft:
    """A blueprint with what it is measured against."""

    blueprint: Blueprint
    brief: Brief
    perception: Perception

    @property
    def timeline(self) -> list[tuple[Scene, float]]:
        """Scenes with their starts in the advert, seconds."""
        return played(self.blueprint.scene_order, self.perception)

    def features(self, index: int) -> SceneFeatures | None:
        """Features of one scene; None when it was not analysed."""
        return next((found for found in self.perception.features if found.index == index), None)


def hook_readable(draft: Draft) -> Measure:
    """The title stands from the first frame, so what is left to measure is whether it can be read in time."""
    count = len(words(draft.blueprint.hook.text))
    return Measure(readable_share(draft.blueprint.hook.text), f"{count} words, 3 to 8 are read in time")


def opening_pace(draft: Draft) -> Measure:
    """Cuts in the first five seconds."""
    order = draft.blueprint.scene_order
    return Measure(cuts_share(order, draft.perception), f"cuts: {opening_cuts(order, draft.perception)}, 2 to 4 wanted")


def opening_motion(draft: Draft) -> Measure:
    """Motion of the opening scene against the median scene; the whole scene stands in for its first second."""
    opening = draft.features(draft.blueprint.scene_order[0])
    if opening is None:
        return Measure(None, "the opening scene was not analysed")
    if len(draft.perception.features) == 1:
        return Measure(None, "the video has one scene, nothing to compare its motion with")
    middle = median(found.motion for found in draft.perception.features)
    return Measure(float(opening.motion > middle), f"motion {opening.motion:.3f}, median scene {middle:.3f}")


def early_subject(draft: Draft) -> Measure:
    """A person, a face or the product, large enough, in the first two seconds; no face alone proves nothing."""
    scene = draft.timeline[0][0]
    found = draft.features(scene.index)
    faces, objects = (found.faces, found.objects) if found else (None, None)
    first = scene.shown[0]
    until = first + _SUBJECT_SECONDS
    if any(first <= face.time <= until and _area(face.box) >= _SUBJECT_AREA for face in faces or ()):
        return Measure(1.0, "face within 2 s")
    if objects is None:
        looked = "no face of 5 % of the frame within 2 s" if faces is not None else _unseen(draft, "faces")
        return Measure(None, f"{looked}; {_unseen(draft, 'objects')}")
    near = [o for o in objects if first <= o.time <= until and _area(o.box) >= _SUBJECT_AREA]
    sold = set(terms(f"{draft.brief.brand} {draft.brief.product} {draft.brief.outcome}"))
    if named := [o.label for o in near if o.label == _PERSON or o.label in sold]:
        return Measure(1.0, f"{named[0]} within 2 s")
    if near:
        return Measure(_OTHER_OBJECT, f"{near[0].label} within 2 s, neither a person nor named in the brief")
    return Measure(0.0, "no person, face or product of 5 % of the frame within 2 s")


def hook_words(draft: Draft) -> Measure:
    """The hook's own quality."""
    quality = hook_quality(draft.blueprint.hook.text, draft.brief)
    lacking = f", lacks most in: {quality.weakest}" if quality.weakest else ""
    return Measure(quality.score, f"quality {quality.score:.2f}{lacking}")


def early_brand(draft: Draft) -> Measure:
    """The brand read or heard in the first five seconds; a planned overlay alone earns half."""
    brand = " ".join(words(draft.brief.brand))
    is_planned = bool(brand) and " ".join(words(draft.blueprint.brand)) == brand
    if is_planned and brand in " ".join(words(draft.blueprint.hook.text)):
        return Measure(1.0, "named in the hook")
    heard = _said_early(draft)
    if is_planned and heard is not None and brand in heard:
        return Measure(1.0, "read or heard in the first 5 s, and overlaid")
    if is_planned:
        return Measure(_PLANNED_BRAND, "overlaid only; neither read nor heard in the first 5 s")
    if heard is None:
        return Measure(None, "no overlay is planned, and neither text nor speech was looked at")
    return Measure(
        1 - _PLANNED_BRAND if brand and brand in heard else 0.0, f"no overlay of {draft.brief.brand!r} is planned"
    )


def caption_coverage(draft: Draft) -> Measure:
    """Share of the spoken words that can be captioned: in a sentence that was understood, and not cut by a scene's edge."""
    spoken = _spoken(draft)
    if spoken is None:
        return Measure(None, _unseen(draft, "speech"))
    if not spoken:
        return Measure(None, "nobody speaks in the chosen scenes, nothing to caption")
    by_scene = ((scene, [word for of, word in spoken if of == scene]) for scene, _ in draft.timeline)
    whole = sum(_is_inside(word, scene) for scene, said in by_scene for word in understood(said))
    share = whole / len(spoken)
    return Measure(min(1.0, share / _COVERAGE), f"{whole} of {len(spoken)} spoken words can be captioned")


def reading_speed(draft: Draft) -> Measure:
    """Half for captions read with ease, half for a natural rate of speech."""
    spoken = _spoken(draft)
    if spoken is None:
        return Measure(None, _unseen(draft, "speech"))
    seconds = _speech_seconds(spoken)
    if len(spoken) < _FEWEST_WORDS or seconds <= 0:
        return Measure(None, f"{len(spoken)} spoken words, too few to measure a rate")
    wpm = 60 * len(spoken) / seconds
    cps = sum(len(word.text.strip()) + 1 for _, word in spoken) / seconds
    easy = min(1.0, max(0.0, (_CPS_ZERO - cps) / (_CPS_ZERO - _CPS_FULL)))
    return Measure(0.5 * easy + 0.5 * _rate_share(wpm), f"{cps:.1f} characters a second, {wpm:.0f} words a minute")


def one_message(draft: Draft) -> Measure:
    """Hook against body copy and call to action: what opens must be what is sold."""
    plan = draft.blueprint
    alike = shared_meaning(plan.hook.text, f"{plan.promise} {plan.call_to_action}")
    return Measure(min(1.0, alike / _ONE_MESSAGE), f"hook and body share {alike:.2f}, {_ONE_MESSAGE} wanted")


def shot_lengths(draft: Draft) -> Measure:
    """Pace after the opening."""
    lengths = [scene.shown_seconds for scene, _ in draft.timeline]
    share = shots_share(draft.blueprint.scene_order, draft.perception)
    return Measure(share, f"mean shot {sum(lengths) / len(lengths):.1f} s, longest {max(lengths):.1f} s")


def closing_action(draft: Draft) -> Measure:
    """A quarter for an end card that asks, a quarter for a verb first, half for asking something specific."""
    action = tidy(draft.blueprint.call_to_action)
    if not action:
        return Measure(0.0, "no call to action")
    is_specific = not set(words(action)) <= VAGUE_ACTION
    notes = [is_verb_first(action) or "no verb first", is_specific or "nothing specific"]
    evidence = ", ".join([repr(action), *(note for note in notes if isinstance(note, str))])
    return Measure(0.25 + 0.25 * is_verb_first(action) + 0.5 * is_specific, evidence)


def offer_or_proof(draft: Draft) -> Measure:
    """An offer or a proof, and one the brief states: nothing invented earns marks."""
    plan, brief = draft.blueprint, draft.brief
    invented = [
        text for text, known in ((plan.offer, brief.offer), (plan.proof, brief.proof)) if text and text != known
    ]
    if invented:
        return Measure(0.0, f"{invented[0]!r} is not in the brief")
    stated = plan.offer or plan.proof
    return Measure(1.0, f"states {stated!r}") if stated else Measure(0.0, "states neither an offer nor a proof")


def _unseen(draft: Draft, modality: str) -> str:
    engine = {str(name): each for name, each in draft.perception.engines.items()}.get(modality)
    reason = engine.unavailable if engine and engine.unavailable else "not looked at in these scenes"
    return f"{modality} not available: {reason}"


def _area(box: Box) -> float:
    left, top, right, bottom = box
    return max(0.0, right - left) * max(0.0, bottom - top)


def _said_early(draft: Draft) -> str | None:
    """Texts and speech of the first five seconds of the advert; None when neither was looked at."""
    parts: list[str] = []
    was_looked = False
    for scene, start in draft.timeline:
        found, first = draft.features(scene.index), scene.shown[0]
        until = first + OPENING_SECONDS - start
        if start >= OPENING_SECONDS or found is None:
            continue
        was_looked |= found.texts is not None or found.words is not None
        parts += [text.text for text in found.texts or () if text.end > first and text.start <= until]
        parts += [word.text for word in found.words or () if word.start <= until]
    return " ".join(words(" ".join(parts))) if was_looked else None


def _spoken(draft: Draft) -> list[tuple[Scene, Word]] | None:
    """Words of the chosen scenes in playing order; None when any of them was not listened to."""
    found: list[tuple[Scene, Word]] = []
    for scene, _ in draft.timeline:
        features = draft.features(scene.index)
        if features is None or features.words is None:
            return None
        found += [(scene, word) for word in features.words]
    return found


def _is_inside(word: Word, scene: Scene) -> bool:
    return word.start >= scene.start - _EDGE_SECONDS and word.end <= scene.end + _EDGE_SECONDS


def _speech_seconds(spoken: Iterable[tuple[Scene, Word]]) -> float:
    """Time spent speaking, short pauses included, long ones and scene changes not."""
    total, before = 0.0, None
    for scene, word in spoken:
        total += word.end - word.start
        if before and before[0] == scene and 0 < word.start - before[1].end <= _PAUSE_SECONDS:
            total += word.start - before[1].end
        before = (scene, word)
    return total


def _rate_share(wpm: float) -> float:
    (zero_low, zero_high), (low, high) = _WPM_ZERO, _WPM_FULL
    return min(1.0, max(0.0, min((wpm - zero_low) / (low - zero_low), (zero_high - wpm) / (zero_high - high))))
