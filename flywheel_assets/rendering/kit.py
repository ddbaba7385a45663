"""An account's brand kit as a style: files checked, put into their plain form, and kept by content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from flywheel_assets.core.account import BrandKit
from flywheel_assets.core.errors import ConfigurationError, RenderFailed, StorageFull
from flywheel_assets.rendering.cube import read_cube
from flywheel_assets.rendering.effects import Material, Picture
from flywheel_assets.rendering.logo import png, read_logo
from flywheel_assets.rendering.music import read_track
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.tracks import BeatGrid
from flywheel_assets.store.blobs import Blobs

M = TypeVar("M")

_TRACK_SECONDS = 60.0  # to decode a whole album
_TRACKS = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus")


def read_kit(asked: BrandKit, blobs: Blobs) -> Kit:
    """What an account's adverts are to look and sound like.

    Raises:
        ConfigurationError: a file is missing, damaged, or not what its field wants; names the field.
    """
    keep = _Keeper(blobs)
    logo = _field("logo", asked.logo, keep.logo)
    look = _field("look", asked.look, keep.look)
    style = Style(logo=logo, look=look, progress_bar=asked.progress_bar)
    if isinstance(asked.music, Path):
        track, grid = _field("music", asked.music, keep.music) or (None, None)
        style = style.model_copy(update={"music": track, "grid": grid})
    elif asked.music is not None:
        style = style.model_copy(update={"music": asked.music})
    return Kit(style, keep.files)


class _Keeper:
    """Puts files into blob storage and remembers where each lies."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.files: dict[str, Path] = {}

    def logo(self, path: Path) -> Picture:
        picture = read_logo(path)
        return Picture(
            name="logo.png", sha256=self._made(png(picture), ".png"), width=picture.width, height=picture.height
        )

    def look(self, path: Path) -> Material:
        table = read_cube(path.read_bytes(), path.name).text()
        return Material(name="look.cube", sha256=self._made(table.encode(), ".cube"))

    def music(self, path: Path) -> tuple[Material, BeatGrid | None]:
        if path.suffix.lower() not in _TRACKS:
            raise ConfigurationError(f"{path.name}: not_a_track: give one of {', '.join(_TRACKS)}")
        try:
            track, grid = read_track(path, timeout=_TRACK_SECONDS)
        except StorageFull:
            raise
        except RenderFailed as error:
            raise ConfigurationError(str(error)) from None
        self._put(path)
        return track.model_copy(update={"name": f"music{path.suffix.lower()}"}), grid

    def _made(self, content: bytes, suffix: str) -> str:
        with TemporaryDirectory(prefix="flywheel-kit-") as folder:
            file = Path(folder) / f"made{suffix}"
            file.write_bytes(content)
            return self._put(file)

    def _put(self, path: Path) -> str:
        stored = self._blobs.put(path)
        self.files[stored.sha256] = self._blobs.local(stored.uri)
        return stored.sha256


def _field(name: str, path: Path | None, read: Callable[[Path], M]) -> M | None:
    """What a field's file is read as; None where no file is given."""
    if path is None:
        return None
    if not path.is_file():
        raise ConfigurationError(f"brand_kit.{name}: no file {path}; correct the path or leave the field out")
    try:
        return read(path)
    except ConfigurationError as error:
        raise ConfigurationError(f"brand_kit.{name}: {error}") from None
