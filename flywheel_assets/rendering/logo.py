"""A brand's mark from the file a person has: PNG, SVG, WebP or JPEG of any size, as a PNG of a useful one."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel_assets.core.errors import ConfigurationError, RenderFailed, StorageFull
from flywheel_assets.rendering import ffmpeg

if TYPE_CHECKING:
    from PIL.Image import Image

_LONGEST = 640  # pixels; three times what the widest logo of a 1080-wide frame takes
_SMALLEST = 24
_THINNEST = 12  # times as long as wide, at most
_MOST_BYTES = 8 << 20
_MOST_PIXELS = 64_000_000
_FORMATS = ("PNG", "JPEG", "WEBP")
_DRAW_SECONDS = 20.0
_NO_ALPHA = 4  # of 255: what is fainter is nothing
_LETTERS = re.compile(rb"<(?:\w+:)?text[\s>]")


def read_logo(path: Path) -> Image:
    """The mark in RGBA, without the empty edges around it.

    Raises:
        ConfigurationError: it is no picture, damaged, empty, too small or too thin; says what to give instead.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ConfigurationError(
            f"{path.name}: too_large: {path.stat().st_size} bytes, {_MOST_BYTES} are the most; export it smaller"
        )
    picture = _drawn(path) if path.suffix.lower() == ".svg" else _opened(path)
    box = picture.getchannel("A").point(lambda alpha: 255 if alpha > _NO_ALPHA else 0).getbbox()
    if box is None:
        raise ConfigurationError(f"{path.name}: empty: nothing in it can be seen; export the logo again")
    wide, high = box[2] - box[0], box[3] - box[1]
    if max(wide, high) < _SMALLEST:
        raise ConfigurationError(
            f"{path.name}: too_small: the mark is {wide}x{high} pixels; give one of {_SMALLEST} or more, or an SVG"
        )
    if max(wide, high) > _THINNEST * min(wide, high):
        raise ConfigurationError(
            f"{path.name}: too_thin: {wide}x{high} could not be read at the size of a logo; "
            f"give a mark at most {_THINNEST} times as long as wide"
        )
    return _within(picture.crop(box))


def png(picture: Image) -> bytes:
    """The picture as a file; equal pictures give equal files."""
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _within(picture: Image) -> Image:
    """At most so long; alpha is multiplied in while it is scaled, so that hidden colours do not bleed into the edge."""
    from PIL.Image import Resampling

    if max(picture.size) <= _LONGEST:
        return picture
    scale = _LONGEST / max(picture.size)
    size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    small: Image = picture.convert("RGBa").resize(size, Resampling.LANCZOS).convert("RGBA")
    return small


def _opened(path: Path) -> Image:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=_FORMATS) as found:
            if found.width * found.height > _MOST_PIXELS:
                raise ConfigurationError(
                    f"{path.name}: too_large: {found.width}x{found.height} pixels; {_LONGEST} on the longer side suffice"
                )
            whole: Image.Image = found.convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ConfigurationError(f"{path.name}: too_large: {_LONGEST} pixels on the longer side suffice") from None
    except UnidentifiedImageError:
        raise ConfigurationError(f"{path.name}: not_a_picture: give the logo as PNG, SVG, WebP or JPEG") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise ConfigurationError(f"{path.name}: damaged: {error}; export the logo again") from None
    return whole


def _drawn(path: Path) -> Image:
    """An SVG drawn by the bundled program, which reads no file but this one."""
    from PIL import Image

    if _LETTERS.search(path.read_bytes()):
        raise ConfigurationError(
            f"{path.name}: text_in_svg: its letters would be drawn in whatever font is here; "
            "convert text to outlines, or give a PNG"
        )
    with ffmpeg.workspace() as folder:
        drawn = folder / "logo.png"
        (folder / "logo.svg").write_bytes(path.read_bytes())
        size = ("-width", str(_LONGEST), "-height", str(_LONGEST), "-f", "svg_pipe")
        arguments = [*size, *ffmpeg.local_input(folder / "logo.svg"), "-frames:v", "1", "-update", "1", f"file:{drawn}"]
        try:
            ffmpeg.run(arguments, subject=path.name, timeout=_DRAW_SECONDS)
        except StorageFull:
            raise
        except RenderFailed as error:
            raise ConfigurationError(
                f"{path.name}: damaged: it cannot be drawn ({str(error).splitlines()[-1]}); give the logo as PNG"
            ) from None
        with Image.open(drawn) as found:
            return _straight(found.convert("RGBA"))


def _straight(picture: Image) -> Image:
    """Colours as they are, of a picture whose colours were multiplied by their alpha."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(picture).astype(np.float32)
    alpha = pixels[..., 3:]
    colours = np.where(alpha > 0, pixels[..., :3] * 255 / np.maximum(alpha, 1), 0)
    return Image.fromarray(np.dstack([colours.clip(0, 255), alpha]).round().astype(np.uint8))
