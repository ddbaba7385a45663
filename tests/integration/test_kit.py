from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

import pytest
import yaml
from PIL import Image

from flywheel_assets.cli.installation import prepare
from flywheel_assets.core.account import BrandKit
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.ids import file_sha256
from flywheel_assets.rendering import repository
from flywheel_assets.rendering.effects import Logo
from flywheel_assets.rendering.kit import read_kit
from flywheel_assets.rendering.logo import png, read_logo
from flywheel_assets.rendering.style import Style
from flywheel_assets.settings import Rendering, Settings
from flywheel_assets.store.accounts import get_account, load_account, save_account
from flywheel_assets.store.blobs import Blobs
from flywheel_assets.store.store import Store
from tests.look_bench import FFMPEG, blueprint, cube, film, mark, painted, seen

SAMPLE = Path(__file__).parents[2] / "samples" / "account.yaml"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"><rect x="20" y="10" width="60" height="30" {paint}/></svg>'
)


def _svg(path: Path, paint: str = 'fill="#ff8000"', box: str = "0 0 300 200") -> Path:
    path.write_text(SVG.format(box=box, paint=paint))
    return path


@pytest.mark.parametrize("size", [(24, 24), (301, 97), (97, 301), (1999, 1001), (3000, 4000)])
def test_a_picture_of_any_size_becomes_a_logo_of_the_same_shape(tmp_path: Path, size: tuple[int, int]) -> None:
    wide = Image.new("RGBA", (size[0] + 200, size[1] + 100))
    wide.paste(mark(size), (150, 30))
    wide.save(tmp_path / "logo.png")
    found = read_logo(tmp_path / "logo.png")
    assert found.mode == "RGBA"
    assert max(found.size) == min(max(size), 640)
    assert found.width / found.height == pytest.approx(size[0] / size[1], rel=0.05)
    with Image.open(BytesIO(png(found))) as kept:
        assert kept.size == found.size


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "LA", "1", "CMYK"])
def test_colours_of_any_kind_are_read(tmp_path: Path, mode: str) -> None:
    suffix = "jpg" if mode == "CMYK" else "png"
    mark((100, 80)).convert(mode).save(tmp_path / f"logo.{suffix}")
    assert read_logo(tmp_path / f"logo.{suffix}").mode == "RGBA"


def test_an_svg_is_drawn_sharp_with_its_own_colours(tmp_path: Path) -> None:
    found = read_logo(_svg(tmp_path / "logo.svg", 'fill="#ff8000" fill-opacity="0.5"'))
    assert found.width / found.height == pytest.approx(2, rel=0.03)
    red, green, blue, alpha = found.getpixel((found.width // 2, found.height // 2))
    assert (red, green, blue) == pytest.approx((255, 128, 0), abs=3)
    assert alpha == pytest.approx(128, abs=2)


def test_an_svg_draws_nothing_from_outside(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (50, 50), "red").save(secret)
    path = tmp_path / "logo.svg"
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 100 100">'
        f'<rect width="40" height="40" fill="#00ff00"/><image width="90" height="90" xlink:href="file://{secret}"/></svg>'
    )
    reds = [red for red, green, _, _ in read_logo(path).getdata() if red > green]
    assert reds == []


def test_what_is_no_logo_is_refused_with_what_to_give_instead(tmp_path: Path) -> None:
    cases: dict[str, tuple[bytes, str]] = {
        "empty.png": (png(Image.new("RGBA", (80, 80))), "empty: nothing in it can be seen"),
        "tiny.png": (png(mark((10, 10))), "too_small: the mark is 10x10 pixels"),
        "line.png": (png(mark((600, 20))), "too_thin"),
        "cut.png": (png(mark((200, 200)))[:300], "damaged"),
        "words.png": (b"not a picture", "not_a_picture"),
        "film.gif": (b"GIF89a", "not_a_picture"),
        "broken.svg": (b"<svg", "damaged: it cannot be drawn .* give the logo as PNG"),
        "text.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><text x='1'>Hi</text></svg>", "text_in_svg"),
        "huge.png": (png(Image.new("L", (9000, 9000))), "too_large"),
    }
    for name, (content, rule) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigurationError, match=rf"^{name}: .*{rule.removeprefix('^')}"):
            read_logo(tmp_path / name)


def test_a_kit_is_kept_by_content_wherever_its_files_lay(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path / "blobs"), tmp_path / "copies")
    look, music = tmp_path / "it's; a [look].cube", tmp_path / "song.MP3"
    look.write_text(cube(2, lambda r, g, b: (r, g, b)))
    tone = ["-v", "error", "-f", "lavfi", "-i", "sine=440:d=2", "-f", "mp3", str(music)]
    subprocess.run([FFMPEG, *tone], check=True, timeout=60)
    one = read_kit(BrandKit(logo=_svg(tmp_path / "a.svg"), look=look, music=music, progress_bar=True), blobs)
    other = read_kit(BrandKit(logo=_svg(tmp_path / "b.svg"), look=look, music=music, progress_bar=True), blobs)
    assert one.style == other.style
    assert one.style.progress_bar
    for material in (one.style.logo, one.style.look, one.style.music):
        assert material is not None
        assert material.name in {"logo.png", "look.cube", "music.mp3"}
        assert file_sha256(one.file(material)) == material.sha256
    assert read_kit(BrandKit(), blobs).style == Style()


@pytest.mark.parametrize(
    ("field", "content", "rule"),
    [
        ("logo", b"nothing", r"brand_kit.logo: file.x: not_a_picture"),
        ("look", b"LUT_3D_SIZE 2\n0 0 0\n", "brand_kit.look: file.x: damaged_cube"),
        ("music", b"text", "brand_kit.music: file.x: not_a_track: give one of .wav, .mp3"),
        ("music", None, "brand_kit.music: no file"),
        ("logo", None, "brand_kit.logo: no file .*file.x; correct the path or leave the field out"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_its_field(
    tmp_path: Path, field: str, content: bytes | None, rule: str
) -> None:
    file = tmp_path / "file.x"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=rule):
        read_kit(BrandKit.model_validate({field: file}), Blobs(str(tmp_path / "blobs"), tmp_path / "copies"))


def test_what_an_account_file_asks_for_is_seen_in_its_renders(store: Store, tmp_path: Path) -> None:
    (tmp_path / "brand").mkdir()
    _svg(tmp_path / "brand" / "logo.svg")
    (tmp_path / "brand" / "look.cube").write_text(cube(2, lambda r, g, b: (b, g, r)))
    asked = {"logo": "brand/logo.svg", "look": "brand/look.cube", "progress_bar": True}
    file = tmp_path / "account.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(SAMPLE.read_text()), "brand_kit": asked}))
    account = load_account(file)
    with store.engine.begin() as connection:
        save_account(connection, account, "sandbox")
        kept = get_account(connection, account.account_id)
    kit = read_kit(kept.brand_kit, store.blobs)
    video = film(tmp_path / "film.mp4", [painted(1)], [30])
    small = store.settings.model_copy(update={"rendering": Rendering(width=270, height=480)})
    smaller = Store(small, store.engine, store.blobs)
    known = seen(video, [30])
    (made,) = repository.render_and_inspect(
        smaller, store.blobs.put(video).uri, [blueprint(0)], known, kit=kit
    )  # fmt: skip
    plan = made.plan
    assert made.render.plan_hash == plan.plan_hash
    assert made.faults == []
    assert made.render.module_versions["brand_overlay"]
    (logo,) = (effect for effect in plan.segments[0].effects if isinstance(effect, Logo))
    command = ["-v", "error", "-i", str(made.render.path), "-frames:v", "1", str(tmp_path / "first.png")]
    subprocess.run([FFMPEG, *command], check=True, timeout=60)
    with Image.open(tmp_path / "first.png") as first:
        left, top, right, bottom = logo.box
        red, green, blue = first.convert("RGB").getpixel(((left + right) // 2, (top + bottom) // 2))
    assert red > 190 > green > 80 > blue - 40


def test_music_is_a_file_that_can_be_heard_or_a_loop_of_ours(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path / "blobs"), tmp_path / "copies")
    file = tmp_path / "account.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(SAMPLE.read_text()), "brand_kit": {"music": "warm"}}))
    kit = read_kit(load_account(file).brand_kit, blobs)
    assert (kit.style.music, kit.style.grid, kit.files) == ("warm", None, {})
    (tmp_path / "song.mp3").write_bytes(b"ID3 not really")
    with pytest.raises(ConfigurationError, match=r"brand_kit\.music: song\.mp3: unreadable_music"):
        read_kit(BrandKit(music=tmp_path / "song.mp3"), blobs)


def test_a_wrong_kit_in_an_account_file_is_told_by_field(tmp_path: Path) -> None:
    file = tmp_path / "account.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(SAMPLE.read_text()), "brand_kit": {"logos": "a.png"}}))
    with pytest.raises(ConfigurationError, match=r"account file .*brand_kit\.logos"):
        load_account(file)


def test_a_logo_that_cannot_be_used_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"not a picture")
    file = tmp_path / "account.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(SAMPLE.read_text()), "brand_kit": {"logo": "logo.png"}}))
    with pytest.raises(ConfigurationError, match=r"brand_kit\.logo: logo\.png: not_a_picture"):
        prepare(settings.model_copy(update={"account_file": file}))
    store = Store.open(settings)
    with store.engine.connect() as connection, pytest.raises(ConfigurationError, match="is not known"):
        get_account(connection, "act_1000000001")
    store.engine.dispose()
