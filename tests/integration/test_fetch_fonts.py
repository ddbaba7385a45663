"""Fetching fonts: from a registry over real HTTP through the npm client, into a folder, and what can go wrong."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from flywheel_assets.clients.fontsource import PACKAGES, FontPackage
from flywheel_assets.rendering import ass, emoji
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.fetching import install
from flywheel_assets.rendering.palette import PAPER
from flywheel_assets.rendering.typefaces import Typefaces
from tests import tiny_fonts
from tests.drawing import drawn, overlay
from tests.npm_registry import npm_registry

LICENCE = "Copyright of the tiny fonts\nSIL OPEN FONT LICENSE Version 1.1\n"
HEBREW, THAI = dict.fromkeys("אבג ", 700), {"ก": 700, "ข": 500}
EMOJI = {"\U0001f525": "#ff0000"}
EM = 60


def _archive(name: str, files: Mapping[str, bytes]) -> bytes:
    papers = {"LICENSE": LICENCE.encode(), "package.json": json.dumps({"name": name, "license": "OFL-1.1"}).encode()}
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for path, content in {**papers, **files, "evil.js": b"boom()"}.items():
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def _package(script: str, archive: bytes) -> FontPackage:
    real = PACKAGES[script]
    return FontPackage(
        script, real.title, real.subset, "1.0.0", hashlib.sha256(archive).hexdigest(), weights=real.weights
    )


def _tiny(script: str) -> bytes:
    """The archive of a package as fontsource builds them, with tiny fonts in it."""
    package = PACKAGES[script]
    if script == "emoji":
        fonts = {("emoji", 400): tiny_fonts.pictures(EMOJI, "Odd Name")}
    elif package.subset:
        fonts = {(package.subset, w): tiny_fonts.boxes(HEBREW, "Odd Thin", weight=w) for w in (400, 700, 900)}
    else:
        parts = {"0": {"咖": 800}, "1": {"啡": 700}, "latin": {"a": 500}}
        fonts = {(part, w): tiny_fonts.boxes(h, "Odd Thin", weight=w) for part, h in parts.items() for w in (700, 900)}
    files = {
        f"files/{package.slug}-{part}-{weight}-normal.woff": tiny_fonts.content(builder, flavor="woff")
        for (part, weight), builder in fonts.items()
    }
    return _archive(package.name, files)


def _install(package: FontPackage, folder: Path, registry: str, scratch: Path) -> str:
    """Install in a fresh process whose npm asks that registry; what went wrong, or nothing."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom flywheel_assets.clients.fontsource import FontPackage\n"
        "from flywheel_assets.core.errors import NotAvailable\nfrom flywheel_assets.rendering.fetching import install\n"
        f"try:\n    install({package!r}, Path(sys.argv[1]))\nexcept NotAvailable as reason:\n    print(reason)\n"
    )
    npm = {
        "npm_config_registry": registry,
        "npm_config_cache": str(scratch / "cache"),
        "npm_config_fetch_retries": "0",
        "npm_config_userconfig": str(scratch / "npmrc"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, **npm}, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return done.stdout.strip()


def _fetched(script: str, tmp_path: Path) -> tuple[FontPackage, Path]:
    archive = _tiny(script)
    package, folder = _package(script, archive), tmp_path / "fonts"
    with npm_registry({f"@fontsource/{package.slug}": archive}) as registry:
        assert _install(package, folder, registry, tmp_path) == ""
    return package, folder


@pytest.mark.needs_npm
def test_both_heavy_weights_come_with_their_licence_and_a_record_of_their_origin(tmp_path: Path) -> None:
    package, folder = _fetched("hebrew", tmp_path)
    found = {each.name for each in folder.iterdir()}
    fonts = {"noto-sans-hebrew-bold.ttf", "noto-sans-hebrew-black.ttf"}
    assert found == {*fonts, "LICENSE-noto-sans-hebrew.txt", "noto-sans-hebrew.json"}
    assert (folder / "LICENSE-noto-sans-hebrew.txt").read_text() == LICENCE
    record = json.loads((folder / "noto-sans-hebrew.json").read_text())
    assert (record["archive_sha256"], record["licence"]) == (package.sha256, "OFL-1.1")
    assert record["files"] == {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in fonts}
    typefaces = Typefaces.of([folder])
    assert [run.face.name for run in typefaces.runs("אב ג", "Inter Bold") if run.face] == ["Noto Sans Hebrew Bold"]


@pytest.mark.needs_npm
def test_the_numbered_parts_of_a_chinese_font_become_one(tmp_path: Path) -> None:
    _, folder = _fetched("chinese-simplified", tmp_path)
    typefaces = Typefaces.of([folder])
    assert [(r.text, r.face.name) for r in typefaces.runs("咖啡", "Inter Black") if r.face] == [
        ("咖啡", "Noto Sans SC Black")
    ]


@pytest.mark.needs_npm
def test_emoji_come_as_pictures_that_can_be_drawn(tmp_path: Path) -> None:
    _, folder = _fetched("emoji", tmp_path)
    canvas = Canvas(300, 160, 30, typefaces=Typefaces.of([folder]))
    (sticker,) = emoji.stickers(overlay("\U0001f525", canvas), canvas, 1.14)
    picture = Image.open(io.BytesIO(emoji.png(sticker, canvas)))
    middle = picture.getpixel((sticker.side // 2, sticker.side // 2))
    assert middle == (255, 0, 0, 255)


@pytest.mark.needs_npm
def test_what_is_there_is_not_fetched_again_and_what_is_damaged_is(tmp_path: Path) -> None:
    package, folder = _fetched("hebrew", tmp_path)
    closed = "http://127.0.0.1:9/"
    assert _install(package, folder, closed, tmp_path / "other") == ""
    damaged = folder / "noto-sans-hebrew-bold.ttf"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    message = _install(package, folder, closed, tmp_path / "other")
    assert "npm pack @fontsource/noto-sans-hebrew@1.0.0" in message
    assert "FLYWHEEL_RENDERING__FONT_FOLDERS" in message


@pytest.mark.needs_npm
def test_another_archive_than_the_known_one_is_not_opened(tmp_path: Path) -> None:
    archive = _tiny("hebrew")
    package = _package("hebrew", archive + b"x")
    with npm_registry({"@fontsource/noto-sans-hebrew": archive}) as registry:
        message = _install(package, tmp_path / "fonts", registry, tmp_path)
    assert "nothing was unpacked" in message
    assert not (tmp_path / "fonts").exists()


@pytest.mark.needs_npm
def test_a_package_without_the_weight_installs_nothing(tmp_path: Path) -> None:
    archive = _archive("@fontsource/noto-sans-hebrew", {})
    package = _package("hebrew", archive)
    with npm_registry({"@fontsource/noto-sans-hebrew": archive}) as registry:
        message = _install(package, tmp_path / "fonts", registry, tmp_path)
    assert "lacks weight 700, weight 900" in message
    assert not (tmp_path / "fonts").exists()


@pytest.mark.needs_npm
def test_a_file_that_is_no_font_is_told(tmp_path: Path) -> None:
    slug = "files/noto-sans-hebrew-hebrew"
    archive = _archive("x", {f"{slug}-700-normal.woff": b"wOFF junk", f"{slug}-900-normal.woff": b"junk"})
    package = _package("hebrew", archive)
    with npm_registry({"@fontsource/noto-sans-hebrew": archive}) as registry:
        message = _install(package, tmp_path / "fonts", registry, tmp_path)
    assert "could not be converted" in message
    assert not (tmp_path / "fonts").exists()


def _flywheel(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "from flywheel_assets.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "FLYWHEEL_HOME": str(tmp_path / "home"), **environment},
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def test_an_unknown_script_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    done = _flywheel(tmp_path, "fetch-fonts", "klingon")
    assert done.returncode == 2
    assert "arabic" in done.stderr
    assert "chinese-simplified" in done.stderr


def test_without_npm_the_command_says_what_to_do(tmp_path: Path) -> None:
    done = _flywheel(tmp_path, "fetch-fonts", "arabic", PATH=str(tmp_path))
    assert done.returncode == 5
    assert "install npm" in done.stderr
    assert "FLYWHEEL_RENDERING__FONT_FOLDERS" in done.stderr


@pytest.mark.needs_fribidi
@pytest.mark.needs_npm
def test_the_real_arabic_font_is_drawn_as_pillow_draws_it(tmp_path: Path) -> None:
    done = _flywheel(tmp_path, "fetch-fonts", "arabic", "hebrew")
    assert done.returncode == 0, done.stderr
    assert "OFL-1.1" in done.stderr
    folder = tmp_path / "home" / "fonts"
    assert [Path(line).parent for line in done.stdout.splitlines()] == [folder] * 4
    canvas = Canvas(1080, 200, 30, typefaces=Typefaces.of([folder]))
    for text, file in (
        ("قهوة طازجة كل صباح", "noto-sans-arabic-black.ttf"),
        ("קפה טרי כל בוקר", "noto-sans-hebrew-black.ttf"),
    ):
        events = ass.text_lines(overlay(text, canvas, em=EM), canvas, ink=PAPER, spacing=1.14)
        ours = drawn(events, canvas, tmp_path / "line.png")[:, :, 0] > 127
        theirs = _by_pillow(text, folder / file, ours.shape)
        assert _overlap(ours, theirs) > 0.75


def _by_pillow(text: str, font: Path, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    picture = Image.new("L", (shape[1], shape[0]))
    ImageDraw.Draw(picture).text((shape[1] / 2, 110), text, 255, ImageFont.truetype(str(font), EM), anchor="ms")
    return np.asarray(picture) > 127


def _overlap(
    one: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], other: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> float:
    """Share of the common ink once both are cut to their ink and brought to one size."""
    cut = [picture[np.ix_(picture.any(axis=1), picture.any(axis=0))] for picture in (one, other)]
    height, width = cut[0].shape
    scaled = np.asarray(Image.fromarray(cut[1].astype(np.uint8) * 255).resize((width, height))) > 127
    return float((cut[0] & scaled).sum() / (cut[0] | scaled).sum())


@pytest.mark.needs_npm
def test_a_package_of_the_table_is_installed_by_its_own_name(tmp_path: Path) -> None:
    found = install(PACKAGES["thai"], tmp_path)
    assert [file.name for file in found.files] == ["noto-sans-thai-bold.ttf", "noto-sans-thai-black.ttf"]
    assert "SIL" in found.licence_file.read_text()
