"""Lines of text drawn by the real libass, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from flywheel_assets.rendering import ass, emoji, ffmpeg
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.modules.auto_captions import AutoCaptions
from flywheel_assets.rendering.types import Overlay, OverlayWord

Picture = np.ndarray[Any, np.dtype[np.uint8]]


def overlay(text: str, canvas: Canvas, *, em: float = 60, lines: tuple[str, ...] = (), **more: Any) -> Overlay:
    """A text that fills the frame and stands still."""
    return Overlay(
        module="hook_title", role="hook", lines=lines or (text,), font="Inter Black", em=em,
        box=(0, 0, canvas.width, canvas.height), start_frame=0, end_frame=30, entering=False, **more,
    )  # fmt: skip


def drawn(
    events: Sequence[ass.Event], canvas: Canvas, out: Path, *, stickers: Sequence[emoji.Sticker] = (), at: int = 10
) -> Picture:
    """The frame `at` of a black second with the events and stickers on it."""
    script = ass.document(events, canvas)
    with ffmpeg.workspace(canvas.typefaces.files(script)) as folder:
        (folder / "text.ass").write_text(script, encoding="utf-8")
        inputs = ["-f", "lavfi", "-i", f"color=black:s={canvas.width}x{canvas.height}:r={canvas.fps}:d=1,format=rgba"]
        for place, sticker in enumerate(stickers):
            (folder / f"{place}.png").write_bytes(emoji.png(sticker, canvas))
            inputs += ffmpeg.local_input(Path(f"{place}.png"))
        chain = [f"[0:v]ass=text.ass:fontsdir=fonts[{'inked' if stickers else 'v'}]"]
        chain += [emoji.graph(stickers, "inked", "v", 1)] if stickers else []
        picked = f"[v]select=eq(n\\,{at}),format=rgb24[picked]"
        arguments = ["-filter_complex", ";".join([*chain, picked]), "-map", "[picked]", "-frames:v", "1"]
        ffmpeg.run([*inputs, *arguments, f"file:{out}"], subject="test picture", timeout=60, folder=folder)
    return np.asarray(Image.open(out).convert("RGB"))


def caption(words: Sequence[str], lit: int, canvas: Canvas) -> tuple[ass.Event, ...]:
    """A caption card's events while one word is lit."""
    spoken = tuple(
        OverlayWord(text=word, start_frame=0 if place == lit else 30, end_frame=30) for place, word in enumerate(words)
    )
    timed = tuple(
        word.model_copy(update={"start_frame": 0 if place <= lit else 30}) for place, word in enumerate(spoken)
    )
    return AutoCaptions().draw(overlay(" ".join(words), canvas, words=timed), canvas)


def columns(picture: Picture) -> tuple[int, int]:
    """First column with ink and the one after the last."""
    inked = np.flatnonzero(picture.max(axis=(0, 2)) > 127)
    return int(inked[0]), int(inked[-1]) + 1
