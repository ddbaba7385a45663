"""The effects of a plan as MoviePy does them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering.canvas import Canvas, centred
from flywheel_assets.rendering.effects import Backdrop, Box, Crop, Effect, Fit, Grade, Logo, ProgressBar, PunchIn
from flywheel_assets.rendering.modules.brand_overlay import BrandOverlay
from flywheel_assets.rendering.modules.smart_reframe import BLUR, SmartReframe
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.types import Mix

if TYPE_CHECKING:
    import numpy as np
    from moviepy import VideoClip
    from PIL.Image import Image

    Picture = np.ndarray[Any, Any]

_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, as the program weighs them for this size


def applied(clip: VideoClip, effect: Effect, canvas: Canvas, kit: Kit) -> VideoClip:
    """The clip with an effect on it.

    Raises:
        RenderFailed: MoviePy cannot do it.
    """
    match effect:
        case Fit():
            made = _fitted(clip, effect, canvas)
        case Crop():
            made = clip.transform(_moving(effect, canvas))
        case Backdrop():
            made = clip.image_transform(_over(lambda image: _blurred(image, canvas, effect.light)))
        case Grade():
            _refuse_look(effect)
            made = clip.image_transform(lambda picture: _graded(picture, effect))
        case PunchIn():
            made = clip.transform(_punched(effect, canvas))
        case Logo():
            made = _branded(clip, effect, canvas, kit)
        case ProgressBar():
            made = clip.transform(_barred(effect, canvas))
        case _:
            raise RenderFailed(f"MoviePy cannot {effect.module}; leave the module out or render with ffmpeg")
    return made


def mixed(clips: list[VideoClip], mix: Mix, seconds: float) -> VideoClip:
    """The first clip giving way to the second over that time.

    Raises:
        RenderFailed: in a way that MoviePy does not know.
    """
    from moviepy import CompositeVideoClip, vfx

    if mix.kind == "fade":
        entering = vfx.CrossFadeIn(seconds)
    elif mix.kind == "slideleft":
        entering = vfx.SlideIn(seconds, "right")
    else:
        raise RenderFailed(f"MoviePy has no transition {mix.kind}; leave scene_transitions out or render with ffmpeg")
    first, second = clips
    return CompositeVideoClip([first, second.with_effects([entering])], size=first.size).with_duration(seconds)


def _fitted(clip: VideoClip, fit: Fit, canvas: Canvas) -> VideoClip:
    from moviepy import CompositeVideoClip

    left, top, right, bottom = (round(edge) for edge in fit.box)
    light = SmartReframe().defaults.fill_light
    behind = clip.image_transform(_over(lambda image: _blurred(image, canvas, light)))
    front = clip.resized((right - left, bottom - top)).with_position((left, top))
    return CompositeVideoClip([behind, front], size=(canvas.width, canvas.height)).with_duration(clip.duration)


def _blurred(image: Image, canvas: Canvas, light: float) -> Image:
    """Covering the frame, blurred at a quarter of its size, with less luma."""
    from PIL import Image as Pillow
    from PIL import ImageFilter, ImageOps

    small = ImageOps.fit(image, (canvas.width // 4, canvas.height // 4), Pillow.Resampling.BICUBIC)
    luma, *chroma = small.filter(ImageFilter.GaussianBlur(canvas.px(BLUR))).convert("YCbCr").split()
    darker = Pillow.merge("YCbCr", (luma.point(lambda level: level * light), *chroma))
    return darker.convert("RGB").resize((canvas.width, canvas.height))


def _over(change: Callable[[Image], Image]) -> Callable[[Picture], Picture]:
    """A change of a Pillow picture as one of an array."""

    def changed(picture: Picture) -> Picture:
        import numpy as np
        from PIL import Image as Pillow

        return np.asarray(change(Pillow.fromarray(picture)))

    return changed


def _moving(crop: Crop, canvas: Canvas) -> Callable[[Callable[[float], Picture], float], Picture]:
    def window(pictures: Callable[[float], Picture], t: float) -> Picture:
        picture = pictures(t)
        high, wide = picture.shape[:2]
        frame = round(t * canvas.fps)
        left, top = crop.left(frame) * wide, crop.upper(frame) * high
        box = (left, top, left + crop.width * wide, top + crop.height * high)
        return _scaled(picture, box, (canvas.width, canvas.height))

    return window


def _punched(punch: PunchIn, canvas: Canvas) -> Callable[[Callable[[float], Picture], float], Picture]:
    left, top, right, bottom = (round(edge) for edge in punch.box)
    wide, high = (right - left) / punch.scale, (bottom - top) / punch.scale
    middle = (left + right) / 2, (top + bottom) / 2
    near = centred(*middle, wide, high)

    def closer(pictures: Callable[[float], Picture], t: float) -> Picture:
        picture = pictures(t)
        if not punch.start_frame <= round(t * canvas.fps) < punch.end_frame:
            return picture
        picture = picture.copy()
        picture[top:bottom, left:right] = _scaled(picture, near, (right - left, bottom - top))
        return picture

    return closer


def _scaled(picture: Picture, box: Box, size: tuple[int, int]) -> Picture:
    import numpy as np
    from PIL import Image as Pillow

    return np.asarray(Pillow.fromarray(picture).resize(size, Pillow.Resampling.BICUBIC, box=box))


def _graded(picture: Picture, grade: Grade) -> Picture:
    """A wave around the straight line for the luma, and less gain the stronger a colour is, as `color_grading` draws it."""
    import numpy as np

    colours = picture.astype(np.float32)
    luma = colours @ np.array(_LUMA, np.float32)
    tone = luma / 255
    other = luma - (grade.contrast - 1) * 255 / math.tau * np.sin(math.tau * tone)
    other += 4 * 255 * grade.brightness * tone * (1 - tone)
    red, blue = (_stronger((colours[..., place] - luma) / 2 / (1 - _LUMA[place]), grade) for place in (0, 2))
    red, blue = other + red * 2 * (1 - _LUMA[0]), other + blue * 2 * (1 - _LUMA[2])
    green = (other - _LUMA[0] * red - _LUMA[2] * blue) / _LUMA[1]
    return np.clip(np.rint(np.stack([red, green, blue], axis=-1)), 0, 255).astype(np.uint8)


def _stronger(chroma: Picture, grade: Grade) -> Picture:
    """Chroma of -127.5 to 127.5 with its gain."""
    gained: Picture = chroma * (1 + (grade.saturation - 1) * (1 - abs(chroma) / 127.5))
    return gained


def _refuse_look(grade: Grade) -> None:
    if grade.look is not None:
        raise RenderFailed(f"{grade.look.name}: MoviePy has no looks; leave it out or render with ffmpeg")


def _branded(clip: VideoClip, logo: Logo, canvas: Canvas, kit: Kit) -> VideoClip:
    from moviepy import CompositeVideoClip, ImageClip

    left, top, right, bottom = (round(edge) for edge in logo.box)
    image = ImageClip(str(kit.file(logo.image)), transparent=True).resized((right - left, bottom - top))
    seconds = (logo.end_frame - logo.start_frame) / canvas.fps
    placed = image.with_opacity(logo.opacity).with_position((left, top)).with_duration(seconds)
    placed = placed.with_start(logo.start_frame / canvas.fps)
    return CompositeVideoClip([clip, placed], size=clip.size).with_duration(clip.duration)


def _barred(bar: ProgressBar, canvas: Canvas) -> Callable[[Callable[[float], Picture], float], Picture]:
    colour = tuple(int(bar.colour[place : place + 2], 16) for place in (1, 3, 5))
    left, top, right, bottom = (round(edge) for edge in bar.box)
    rail = 1 - BrandOverlay().defaults.rail

    def drawn(pictures: Callable[[float], Picture], t: float) -> Picture:
        picture = pictures(t).copy()
        shown = (bar.start_frame + round(t * canvas.fps) + 1) / bar.total_frames
        picture[top:bottom, left:right] = (picture[top:bottom, left:right] * rail).astype(picture.dtype)
        picture[top:bottom, left : left + round((right - left) * min(shown, 1.0))] = colour
        return picture

    return drawn
