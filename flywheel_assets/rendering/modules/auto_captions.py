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
from flywheel_assets.rendering.fonts import LINE_HEIGHT, Fitted, clean, fit, require_glyphs
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
    version = "3"
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
        cards = self._cards(shot, context)
        yield from _hurried(_groups(shot, context, self.defaults), [card for card, _ in cards], context.canvas)
        places = [found for _, found in cards]
        if moved := sum(found.moved_for_face for found in places):
            yield f"{moved} of {len(places)} cards moved for a face"
        if hidden := max((found.hidden for found in places), default=0.0):
            yield f"no place in the safe box is clear of faces and text; up to {hidden:.0%} of one is hidden"

    def _cards(self, shot: Shot, context: PlanContext) -> list[tuple[Overlay, Place]]:
        lines = self._lines(shot, context)
        if not lines:
            return []
        title = caption_places.title_box(context)
        widest = max(line.size for line in lines)  # all are as high
        above = title if lines[0].span[0] < context.hook_end else None
        row = caption_places.row(widest, shot, context, above)
        cards: list[tuple[Overlay, Place]] = []
        for line in lines:
            early = title if line.span[0] < context.hook_end else None
            found = row.narrowed(line.size) if row else caption_places.place(line.size, line.span, shot, context, early)
            cards.append((self._card(line, found, shot, context), found))
        return cards

    def _lines(self, shot: Shot, context: PlanContext) -> list[_Line]:
        """What the cards of a shot say and when; words that have no frame to themselves are not among them."""
        use, canvas = self.defaults, context.canvas
        groups = _groups(shot, context, use)
        begins = [shot.frame(group[0].start, canvas) for group in groups]
        hold = canvas.frames(use.hold_seconds)
        lines: list[_Line] = []
        for group, begin, following in zip(groups, begins, [*begins, shot.end][1:], strict=True):
            low, high = (begin + canvas.frames(seconds) for seconds in use.card_seconds)
            end = min(max(shot.frame(group[-1].end, canvas) + hold, low), high, following)
            if end > begin:
                lines.append(self._line(group, (begin, end), shot, canvas))
        return lines

    def _line(self, group: list[Word], span: tuple[int, int], shot: Shot, canvas: Canvas) -> _Line:
        use = self.defaults
        line = spoken_line(tuple(word.text for word in group))
        require_glyphs(line, use.font, f"caption of scene {shot.scene.index}", canvas.typefaces)
        edge = canvas.px(use.outline)
        room = canvas.safe[2] - canvas.safe[0] - 2 * edge
        fitted = fit(line, use.font, em=canvas.px(use.em), width=room, max_lines=1, typefaces=canvas.typefaces)
        size = fitted.width + 2 * edge, canvas.px(use.em) * LINE_HEIGHT + 2 * edge
        return _Line(group, span, fitted, size)

    def _card(self, line: _Line, found: Place, shot: Shot, context: PlanContext) -> Overlay:
        span = line.span
        begins = [min(max(shot.frame(word.start, context.canvas), span[0]), span[1]) for word in line.words]
        words = tuple(
            OverlayWord(text=word.text, start_frame=begin, end_frame=end)
            for word, begin, end in zip(line.words, begins, [*begins[1:], span[1]], strict=True)
        )
        return Overlay(
            module=self.name, role="caption", lines=line.fitted.lines, font=self.defaults.font, em=line.fitted.em,
            box=found.box, start_frame=span[0], end_frame=span[1], words=words,
        )  # fmt: skip


@dataclass(frozen=True)
class _Line:
    """A card that has no place yet; `size` in pixels."""

    words: list[Word]
    span: tuple[int, int]
    fitted: Fitted
    size: tuple[float, float]


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


def _groups(shot: Shot, context: PlanContext, use: Defaults) -> list[list[Word]]:
    """Words that share a card: few, short, and not across a pause or the end of a sentence.

    Unless one of the two cards would only flash, as the words come so fast or the scene ends: then they share one.
    """
    least, groups = context.canvas.frames(use.card_seconds[0]), list[list[Word]]()
    for word in _spoken(shot, context):
        last = groups[-1] if groups else []
        begin = shot.frame(word.start, context.canvas)
        hurried = bool(last) and begin - shot.frame(last[0].start, context.canvas) < least
        if last and _joins(last, word, use, hurried=hurried, ending=shot.end - begin < least):
            last.append(word)
        else:
            groups.append([word])
    return groups


def _joins(group: list[Word], word: Word, use: Defaults, *, hurried: bool, ending: bool) -> bool:
    line = spoken_line((*(member.text for member in group), word.text))
    fits = len(line.split()) <= use.words and length(line) <= use.characters
    pause = word.start - group[-1].end
    too_long = word.end - group[0].start > use.card_seconds[1]
    in_one_breath = ending or not pauses_after(group[-1].text)
    return fits and pause <= use.pause_seconds and (hurried or (in_one_breath and not too_long))


def _hurried(groups: list[list[Word]], cards: list[Overlay], canvas: Canvas) -> Iterator[str]:
    """What nobody can read, because the words come too fast for a card of their own."""
    least = AutoCaptions.defaults.card_seconds[0]
    if lost := sum(map(len, groups)) - sum(len(card.words) for card in cards):
        yield f"{lost} words are not shown, the next came at once or the scene ended"
    if short := sum(card.end_frame - card.start_frame < canvas.frames(least) for card in cards):
        yield f"{short} of {len(cards)} cards are shown for less than {least} s, the words come too fast or the scene ends"


def _lit(overlay: Overlay, lit: int) -> list[tuple[str, str]]:
    """The line with one word in the accent colour."""
    texts = [word.text for word in overlay.words]
    return [
        (f"\\1c{(ACCENT if place == lit else PAPER).ass}", text + gap(text, after))
        for place, (text, after) in enumerate(zip(texts, [*texts[1:], ""], strict=True))
    ]
