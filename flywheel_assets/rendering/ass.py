"""Scripts for libass: documents, events, shapes, lines of text. Positions are output pixels, times are frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flywheel_assets.rendering import asstext
from flywheel_assets.rendering.asstext import Span, escape
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.lines import Setting
from flywheel_assets.rendering.palette import Colour
from flywheel_assets.rendering.types import Overlay

__all__ = [
    "POP_SECONDS",
    "Event",
    "document",
    "escape",
    "line_centres",
    "panel",
    "placing",
    "pop",
    "rounded_box",
    "still",
    "text_body",
    "text_lines",
]

POP_SECONDS = 0.13
_POP_MS = round(POP_SECONDS * 1000)
_POP_FROM = 0.9
_CIRCLE = 0.5523  # Bezier handle of a quarter circle, as a share of its radius
_HEADER = """[Script Info]
{notes}ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
WrapStyle: 2
ScaledBorderAndShadow: yes
YCbCr Matrix: None

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Plain,Inter Bold,40,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,0,0,5,0,0,0,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


@dataclass(frozen=True)
class Event:
    """Something drawn in frames [start_frame, end_frame); higher layers cover lower ones."""

    layer: int
    start_frame: int
    end_frame: int
    body: str


def document(events: Iterable[Event], canvas: Canvas) -> str:
    """A complete script; equal events and fonts give equal text. It names the content of its fonts."""
    dialogue = "".join(f"{_dialogue(event, canvas.fps)}\n" for event in events)
    marks = canvas.typefaces.marks(dialogue).items()
    notes = "".join(f"; font {name}: {digest}\n" for name, digest in sorted(marks))
    return _HEADER.format(width=canvas.width, height=canvas.height, notes=notes) + dialogue


def still(x: float, y: float) -> str:
    """Tags that centre an event on a point."""
    return f"\\an5\\pos({x:.1f},{y:.1f})"


def pop(x: float, y: float, centre: tuple[float, float]) -> str:
    """Tags that grow an event from nine tenths to full size around `centre` while it comes to rest at (x, y)."""
    from_x = centre[0] + (x - centre[0]) * _POP_FROM
    from_y = centre[1] + (y - centre[1]) * _POP_FROM
    scale = round(_POP_FROM * 100)
    return (
        f"\\an5\\move({from_x:.1f},{from_y:.1f},{x:.1f},{y:.1f},0,{_POP_MS})"
        f"\\fscx{scale}\\fscy{scale}\\t(0,{_POP_MS},\\fscx100\\fscy100)"
    )


def rounded_box(width: float, height: float, radius: float) -> str:
    """Drawing commands of a box with round corners, origin at its top left."""
    w, h, r = width, height, min(radius, width / 2, height / 2)
    k = r * (1 - _CIRCLE)
    return (
        f"m {r:.1f} 0 l {w - r:.1f} 0 b {w - k:.1f} 0 {w:.1f} {k:.1f} {w:.1f} {r:.1f} "
        f"l {w:.1f} {h - r:.1f} b {w:.1f} {h - k:.1f} {w - k:.1f} {h:.1f} {w - r:.1f} {h:.1f} "
        f"l {r:.1f} {h:.1f} b {k:.1f} {h:.1f} 0 {h - k:.1f} 0 {h - r:.1f} "
        f"l 0 {r:.1f} b 0 {k:.1f} {k:.1f} 0 {r:.1f} 0"
    )


def panel(
    overlay: Overlay, canvas: Canvas, *, fill: Colour, ink: Colour, radius: float, spacing: float
) -> tuple[Event, ...]:
    """A rounded panel of the overlay's box with its lines on it; radius in design pixels, spacing in em."""
    left, top, right, bottom = overlay.box
    place = placing(overlay)
    shape = rounded_box(right - left, bottom - top, canvas.px(radius))
    body = f"{{{place(*overlay.centre)}\\bord0\\shad0\\1c{fill.ass}\\p1}}{shape}"
    return (
        Event(0, overlay.start_frame, overlay.end_frame, body),
        *text_lines(overlay, canvas, ink=ink, spacing=spacing),
    )


def text_lines(overlay: Overlay, canvas: Canvas, *, ink: Colour, spacing: float) -> tuple[Event, ...]:
    """The overlay's lines, centred in its box."""
    place, style = placing(overlay), f"\\bord0\\shad0\\1c{ink.ass}"
    bodies = (
        text_body(overlay, canvas, (("", text),), place, middle=middle, style=style)
        for text, middle in zip(overlay.lines, line_centres(overlay, spacing), strict=True)
    )
    return tuple(Event(1, overlay.start_frame, overlay.end_frame, body) for body in bodies)


def text_body(
    overlay: Overlay,
    canvas: Canvas,
    spans: Sequence[Span],
    place: Callable[[float, float], str],
    *,
    middle: float,
    style: str,
) -> str:
    """One line of the overlay, its middle at that height; `style` holds for all its spans, whose text is clean."""
    setting = Setting.of(overlay.text, overlay.font, canvas.typefaces)
    lowered = middle + overlay.em * setting.drop("".join(part for _, part in spans))
    return asstext.body(f"{place(overlay.centre[0], lowered)}{style}", spans, overlay.em, setting)


def line_centres(overlay: Overlay, spacing: float) -> tuple[float, ...]:
    """Heights of the middles of the overlay's lines."""
    middle = overlay.centre[1]
    first = middle - (len(overlay.lines) - 1) * overlay.em * spacing / 2
    return tuple(first + row * overlay.em * spacing for row in range(len(overlay.lines)))


def placing(overlay: Overlay) -> Callable[[float, float], str]:
    """How to place the overlay's parts: they pop in when it enters, and stand still after a cut through it."""
    return (lambda x, y: pop(x, y, overlay.centre)) if overlay.entering else still


def _dialogue(event: Event, fps: int) -> str:
    times = f"{_clock(event.start_frame, fps)},{_clock(event.end_frame, fps)}"
    return f"Dialogue: {event.layer},{times},Plain,,0,0,0,,{event.body}"


def _clock(frame: int, fps: int) -> str:
    """Time of a frame in whole centiseconds, rounded down: at or before that frame, after the one before it."""
    seconds, hundredths = divmod(frame * 100 // fps, 100)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{hundredths:02d}"
