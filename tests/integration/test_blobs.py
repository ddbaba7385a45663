"""Files by content: the same bytes once, whole or not at all, here and elsewhere."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from fsspec import filesystem
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.store.blobs import Blobs


@pytest.fixture(params=["file", "memory"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return (tmp_path / "blobs").as_uri() if request.param == "file" else f"memory://{uuid4().hex}/blobs"


@pytest.fixture
def blobs(base: str, tmp_path: Path) -> Blobs:
    return Blobs(base, tmp_path / "cache")


def _file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _stored(base: str) -> list[str]:
    return sorted(filesystem(base.partition(":")[0]).find(base))


def test_what_was_put_comes_back(blobs: Blobs, tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192
    stored = blobs.put(_file(tmp_path, "raw.MP4", content))
    assert (stored.bytes, stored.sha256) == (len(content), sha256(content).hexdigest())
    assert stored.uri.endswith(f"{stored.sha256}.mp4")
    assert blobs.local(stored.uri).read_bytes() == content


def test_the_same_bytes_are_kept_once_whatever_the_file_is_called(blobs: Blobs, base: str, tmp_path: Path) -> None:
    first = blobs.put(_file(tmp_path, "one.mp4", b"same"))
    second = blobs.put(_file(tmp_path, "two.mp4", b"same"))
    assert first == second
    assert len(_stored(base)) == 1


def test_other_bytes_under_the_same_name_are_another_file(blobs: Blobs, tmp_path: Path) -> None:
    first = blobs.put(_file(tmp_path, "one.mp4", b"before"))
    second = blobs.put(_file(tmp_path, "one.mp4", b"after"))
    assert blobs.local(first.uri).read_bytes() == b"before"
    assert blobs.local(second.uri).read_bytes() == b"after"


def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing(blobs: Blobs, base: str) -> None:
    # Opens like a file and fails at the first byte, as a broken disk does.
    with pytest.raises(OSError, match="Input/output"):
        blobs.put(Path("/proc/self/mem"))
    assert _stored(base) == []


def test_a_missing_file_says_how_to_get_it_back(blobs: Blobs, base: str) -> None:
    with pytest.raises(FileNotFoundError, match="run the stage that made it again"):
        blobs.local(f"{base}/ab/abcdef.mp4")


def test_a_file_kept_elsewhere_is_fetched_once(tmp_path: Path) -> None:
    blobs = Blobs(f"memory://{uuid4().hex}", tmp_path / "cache")
    stored = blobs.put(_file(tmp_path, "one.mp4", b"far away"))
    copy = blobs.local(stored.uri)
    first = copy.stat()
    again = blobs.local(stored.uri)
    assert (again, again.stat().st_ino, again.stat().st_mtime_ns) == (copy, first.st_ino, first.st_mtime_ns)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [copy.name]


def test_an_address_outlives_the_process_that_wrote_it(base: str, tmp_path: Path) -> None:
    stored = Blobs(base, tmp_path / "cache").put(_file(tmp_path, "one.mp4", b"kept"))
    assert Blobs(base, tmp_path / "other cache").local(stored.uri).read_bytes() == b"kept"


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=30))
def test_a_base_may_have_any_name_a_folder_can_have(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("blobs")
    home = folder / f"x{name}"
    stored = Blobs(home.as_uri(), folder / "cache").put(_file(folder, "one.mp4", b"here"))
    path = Blobs(home.as_uri(), folder / "cache").local(stored.uri)
    assert path.is_relative_to(home)
    assert path.read_bytes() == b"here"


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("clip.MOV", ".mov"),
        ("no suffix", ""),
        ("final. Really this time", ""),
        ("take.mp4 (1)", ""),
        ("x." + "y" * 200, ""),
        ("clip.m%70 4", ""),
    ],
)
def test_only_a_real_suffix_is_kept(tmp_path: Path, name: str, suffix: str) -> None:
    blobs = Blobs(tmp_path.as_uri(), tmp_path / "cache")
    path = blobs.local(blobs.put(_file(tmp_path, name, b"x")).uri)
    assert path.name == sha256(b"x").hexdigest() + suffix
