"""The effects of a plan as MoviePy does them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.effects import Backdrop, Crop, Effect, Fit, Grade, Logo, ProgressBar, PunchIn
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
            made = _branded(clip, effect, kit)
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
        return _scaled(picture, box, canvas)

    return window


def _punched(punch: PunchIn, canvas: Canvas) -> Callable[[Callable[[float], Picture], float], Picture]:
    def closer(pictures: Callable[[float], Picture], t: float) -> Picture:
        picture = pictures(t)
        if not punch.start_frame <= round(t * canvas.fps) < punch.end_frame:
            return picture
        wide, high = canvas.width / punch.scale, canvas.height / punch.scale
        left, top = (canvas.width - wide) / 2, (canvas.height - high) / 2
        return _scaled(picture, (left, top, left + wide, top + high), canvas)

    return closer


def _scaled(picture: Picture, box: tuple[float, float, float, float], canvas: Canvas) -> Picture:
    import numpy as np
    from PIL import Image as Pillow

    size = (canvas.width, canvas.height)
    return np.asarray(Pillow.fromarray(picture).resize(size, Pillow.Resampling.BICUBIC, box=box))


def _graded(picture: Picture, grade: Grade) -> Picture:
    """Contrast around the middle of the luma, saturation around grey."""
    import numpy as np

    colours = picture.astype(np.float32)
    luma = colours @ np.array(_LUMA, np.float32)
    # The program's contrast turns around the middle of the luma range, its brightness is a share of that range.
    other = (luma - 128) * grade.contrast + 128 + grade.brightness * 255
    graded = other[..., None] + (colours - luma[..., None]) * grade.saturation
    return np.clip(np.rint(graded), 0, 255).astype(np.uint8)


def _refuse_look(grade: Grade) -> None:
    if grade.look is not None:
        raise RenderFailed(f"{grade.look.name}: MoviePy has no looks; leave it out or render with ffmpeg")


def _branded(clip: VideoClip, logo: Logo, kit: Kit) -> VideoClip:
    from moviepy import CompositeVideoClip, ImageClip

    left, top, right, bottom = (round(edge) for edge in logo.box)
    image = ImageClip(str(kit.file(logo.image)), transparent=True).resized((right - left, bottom - top))
    placed = image.with_opacity(logo.opacity).with_position((left, top)).with_duration(clip.duration)
    return CompositeVideoClip([clip, placed], size=clip.size).with_duration(clip.duration)


def _barred(bar: ProgressBar, canvas: Canvas) -> Callable[[Callable[[float], Picture], float], Picture]:
    colour = tuple(int(bar.colour[place : place + 2], 16) for place in (1, 3, 5))

    def drawn(pictures: Callable[[float], Picture], t: float) -> Picture:
        picture = pictures(t).copy()
        shown = (bar.start_frame + round(t * canvas.fps) + 1) / bar.total_frames
        picture[round(bar.top) : round(bar.bottom), : round(canvas.width * min(shown, 1.0))] = colour
        return picture

    return drawn
