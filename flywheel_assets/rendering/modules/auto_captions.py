"""The spoken words on the screen, a few at a time, the current one lit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flywheel_assets.core.sentences import pauses_after
from flywheel_assets.creative.sentences import understood
from flywheel_assets.creative.types import Word
from flywheel_assets.rendering import ass
from flywheel_assets.rendering.breaks import gap, length, spoken_line
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.effects import Box
from flywheel_assets.rendering.fonts import LINE_HEIGHT, clean, fit, require_glyphs
from flywheel_assets.rendering.modules import caption_places
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.modules.caption_places import Place
from flywheel_assets.rendering.palette import ACCENT, INK, PAPER
from flywheel_assets.rendering.speech import unknown_speech
from flywheel_assets.rendering.timeline import Shot
from flywheel_assets.rendering.types import FontName, Overlay, OverlayWord

_MUSIC = str.maketrans("", "", "♩♪♫♬")


@dataclass(frozen=True)
class Defaults:
    """Lengths in design pixels. Two or three words are what an eye takes in at once; without spaces characters count."""

    font: FontName = "Inter Bold"
    em: float = 66.0
    outline: float = 7.0
    words: int = 3
    characters: int = 22
    pause_seconds: float = 0.6  # a longer pause starts a new card
    hold_seconds: float = 0.25  # a card stays this long after its last word
    card_seconds: tuple[float, float] = (0.4, 2.5)


class AutoCaptions(RenderModule):
    """One line a card, outlined so that it can be read on anything."""

    name = "auto_captions"
    version = "2"
    promise = (
        "What is said and was understood can be read while it is said: at most three words a card, on time to the frame, "
        "clear of text and faces where the safe box has such a place."
    )
    defaults = Defaults()

    def lacks(self, context: PlanContext) -> str | None:
        """Why speech is unknown in at least one played scene."""
        return unknown_speech(context.perception, [shot.scene.index for shot in context.shots])

    def overlays(self, context: PlanContext) -> tuple[Overlay, ...]:
        """The cards of every scene, on the output's timeline.

        Raises:
            RenderFailed: a character cannot be drawn.
        """
        return tuple(card for shot in context.shots for card, _ in self._cards(shot, context))

    def notes(self, context: PlanContext) -> dict[str, str]:
        """Where words were left out, and where cards are not where they would usually be."""
        told = ((shot.scene.index, "; ".join(self._told(shot, context))) for shot in context.shots)
        return {f"scene {index}": note for index, note in told if note}

    def room(self, shot: Shot, context: PlanContext) -> Box:
        """Where the widest card of a shot would go if nothing were in its way."""
        use, canvas = self.defaults, context.canvas
        high = canvas.px(use.em * LINE_HEIGHT + 2 * use.outline)
        return caption_places.options((canvas.safe[2] - canvas.safe[0], high), shot, context)[0]

    def draw(self, overlay: Overlay, canvas: Canvas) -> tuple[ass.Event, ...]:
        """The line once per lit word, one after the other."""
        events: list[ass.Event] = []
        for lit in range(len(overlay.words)):
            start = overlay.start_frame if not events else overlay.words[lit].start_frame
            end = overlay.words[lit + 1].start_frame if lit + 1 < len(overlay.words) else overlay.end_frame
            if end <= start:
                continue
            place = ass.placing(overlay) if not events else ass.still
            style = f"\\bord{canvas.px(self.defaults.outline):.1f}\\shad0\\3c{INK.ass}"
            body = ass.text_body(overlay, canvas, _lit(overlay, lit), place, middle=overlay.centre[1], style=style)
            events.append(ass.Event(2, start, end, body))
        return tuple(events)

    def _told(self, shot: Shot, context: PlanContext) -> Iterator[str]:
        if left_out := len(_words(shot, context)) - len(understood(_words(shot, context))):
            yield f"{left_out} words are not shown, their sentences were not understood"
        places = [found for _, found in self._cards(shot, context)]
        if moved := sum(found.moved_for_face for found in places):
            yield f"{moved} of {len(places)} cards moved for a face"
        if hidden := max((found.hidden for found in places), default=0.0):
            yield f"no place in the safe box is clear of faces and text; up to {hidden:.0%} of one is hidden"

    def _cards(self, shot: Shot, context: PlanContext) -> list[tuple[Overlay, Place]]:
        use, canvas = self.defaults, context.canvas
        groups = _groups(_spoken(shot, context), use)
        begins = [shot.frame(group[0].start, canvas) for group in groups]
        hold = canvas.frames(use.hold_seconds)
        title = caption_places.title_box(context)
        cards: list[tuple[Overlay, Place]] = []
        for group, begin, following in zip(groups, begins, [*begins, shot.end][1:], strict=True):
            low, high = (begin + canvas.frames(seconds) for seconds in use.card_seconds)
            end = min(max(shot.frame(group[-1].end, canvas) + hold, low), high, following)
            if end > begin:
                cards.append(
                    self._card(group, (begin, end), shot, context, title if begin < context.hook_end else None)
                )
        return cards

    def _card(
        self, group: list[Word], span: tuple[int, int], shot: Shot, context: PlanContext, title: Box | None
    ) -> tuple[Overlay, Place]:
        use, canvas = self.defaults, context.canvas
        line = spoken_line(tuple(word.text for word in group))
        require_glyphs(line, use.font, f"caption of scene {shot.scene.index}", canvas.typefaces)
        edge = canvas.px(use.outline)
        room = canvas.safe[2] - canvas.safe[0] - 2 * edge
        fitted = fit(line, use.font, em=canvas.px(use.em), width=room, max_lines=1, typefaces=canvas.typefaces)
        size = fitted.width + 2 * edge, canvas.px(use.em) * LINE_HEIGHT + 2 * edge
        begins = [min(max(shot.frame(word.start, canvas), span[0]), span[1]) for word in group]
        words = tuple(
            OverlayWord(text=word.text, start_frame=begin, end_frame=end)
            for word, begin, end in zip(group, begins, [*begins[1:], span[1]], strict=True)
        )
        found = caption_places.place(size, span, shot, context, title)
        card = Overlay(
            module=self.name, role="caption", lines=fitted.lines, font=use.font, em=fitted.em, box=found.box,
            start_frame=span[0], end_frame=span[1], words=words,
        )  # fmt: skip
        return card, found


def _words(shot: Shot, context: PlanContext) -> tuple[Word, ...]:
    """All words of a shot's scene."""
    features = context.features(shot.scene.index)
    return (features.words if features else None) or ()


def _spoken(shot: Shot, context: PlanContext) -> list[Word]:
    """What was understood of them and plays, one token each, without the marks recognisers write for music and pauses."""
    found: list[Word] = []
    for word in understood(_words(shot, context)):
        if not shot.plays((word.start + word.end) / 2):
            continue
        tokens = [token for token in clean(word.text.translate(_MUSIC)).split() if any(map(str.isalnum, token))]
        step = (word.end - word.start) / max(len(tokens), 1)
        for place, token in enumerate(tokens):
            begin = word.start + place * step
            found.append(Word(text=token, start=begin, end=begin + step, probability=word.probability))
    return sorted(found, key=lambda word: word.start)


def _groups(words: list[Word], use: Defaults) -> list[list[Word]]:
    """Words that share a card: few, short, and not across a pause or the end of a sentence."""
    groups: list[list[Word]] = []
    for word in words:
        last = groups[-1] if groups else []
        if last and _joins(last, word, use):
            last.append(word)
        else:
            groups.append([word])
    return groups


def _joins(group: list[Word], word: Word, use: Defaults) -> bool:
    line = spoken_line((*(member.text for member in group), word.text))
    fits = len(line.split()) <= use.words and length(line) <= use.characters
    pause = word.start - group[-1].end
    too_long = word.end - group[0].start > use.card_seconds[1]
    return fits and pause <= use.pause_seconds and not (pauses_after(group[-1].text) or too_long)


def _lit(overlay: Overlay, lit: int) -> list[tuple[str, str]]:
    """The line with one word in the accent colour."""
    texts = [word.text for word in overlay.words]
    return [
        (f"\\1c{(ACCENT if place == lit else PAPER).ass}", text + gap(text, after))
        for place, (text, after) in enumerate(zip(texts, [*texts[1:], ""], strict=True))
    ]
