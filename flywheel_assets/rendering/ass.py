"""Text for libass: documents, events, shapes, and user text that can only ever be text.

Positions are output pixels, times are frames. libass reads braces as commands and some letters after a backslash as
breaks and spaces; everything a person or a recogniser wrote passes through `escape` first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.fonts import LINE_HEIGHT, clean
from flywheel_assets.rendering.palette import Colour
from flywheel_assets.rendering.types import FontName, Overlay

_POP_MS = 130
_POP_FROM = 0.9
_CIRCLE = 0.5523  # Bezier handle of a quarter circle, as a share of its radius
_WORD_JOINER = "\u2060"  # takes no room; libass skips it
_HEADER = """[Script Info]
ScriptType: v4.00+
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


def escape(text: str) -> str:
    """User text that libass shows literally, on one line.

    A joiner after each backslash keeps it from starting a command; libass itself knows escaped braces.
    """
    safe = clean(text).replace("\\", "\\" + _WORD_JOINER)
    return safe.replace("{", "\\{").replace("}", "\\}")


def document(events: Iterable[Event], canvas: Canvas) -> str:
    """A complete script; equal events give equal text."""
    head = _HEADER.format(width=canvas.width, height=canvas.height)
    return head + "".join(f"{_dialogue(event, canvas.fps)}\n" for event in events)


def font_tags(font: FontName, em: float) -> str:
    """Tags that select a bundled font at `em` pixels."""
    return f"\\fn{font}\\fs{em * LINE_HEIGHT:.2f}"


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
    place = _placing(overlay)
    shape = rounded_box(right - left, bottom - top, canvas.px(radius))
    body = f"{{{place(*overlay.centre)}\\bord0\\shad0\\1c{fill.ass}\\p1}}{shape}"
    return (Event(0, overlay.start_frame, overlay.end_frame, body), *text_lines(overlay, ink=ink, spacing=spacing))


def text_lines(overlay: Overlay, *, ink: Colour, spacing: float) -> tuple[Event, ...]:
    """The overlay's lines, centred in its box."""
    place = _placing(overlay)
    x, middle = overlay.centre
    first = middle - (len(overlay.lines) - 1) * overlay.em * spacing / 2
    return tuple(
        Event(
            1,
            overlay.start_frame,
            overlay.end_frame,
            f"{{{place(x, first + row * overlay.em * spacing)}\\bord0\\shad0\\1c{ink.ass}"
            f"{font_tags(overlay.font, overlay.em)}}}{escape(line)}",
        )
        for row, line in enumerate(overlay.lines)
    )


def _placing(overlay: Overlay) -> Callable[[float, float], str]:
    """How to place the overlay's parts: they pop in when it enters, and stand still after a cut through it."""
    return (lambda x, y: pop(x, y, overlay.centre)) if overlay.entering else still


def _dialogue(event: Event, fps: int) -> str:
    times = f"{_clock(event.start_frame, fps)},{_clock(event.end_frame, fps)}"
    return f"Dialogue: {event.layer},{times},Plain,,0,0,0,,{event.body}"


def _clock(frame: int, fps: int) -> str:
    """Time of a frame in whole centiseconds, rounded down: at or before that frame, after the one before it."""
    seconds, hundredths = divmod(frame * 100 // fps, 100)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{hundredths:02d}"
