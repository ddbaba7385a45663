"""Damaged copies of small films, always the same ones, and a process that looks at each in a child of its own.

    python -m tests.mutants_of_media FOLDER

prints for every file of the folder one line of JSON: what the first look answered, what decoding it to the end did
where the look took it, and how a child ended that gave no answer. All is loaded once; what a film costs is a fork.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from flywheel_assets.creative.apart.child import Progress, Task, answer
from flywheel_assets.creative.apart.limits import Limits, limit_self
from flywheel_assets.settings import Media

LIMITS = Limits(seconds=40, cpu_seconds=20, memory_mb=2048, file_mb=16)
_PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=1.2")
_SOUND = ("-f", "lavfi", "-i", "sine=duration=1.2:sample_rate=16000")
_KINDS = {
    "front.mp4": ("-pix_fmt", "yuv420p", "-g", "4", "-movflags", "+faststart"),
    "parts.mov": ("-pix_fmt", "yuv420p", "-g", "4", "-movflags", "frag_keyframe+empty_moov"),
    "plain.mkv": ("-pix_fmt", "yuv420p", "-g", "4", "-c:a", "flac"),
    "small.webm": ("-c:v", "libvpx", "-g", "4", "-c:a", "libopus", "-b:v", "100k"),
}

Mutate = Callable[[bytearray, random.Random], None]


def films(folder: Path) -> dict[str, bytes]:
    """A film of 1.2 seconds with sound in each kind of file."""
    made = {}
    for name, arguments in _KINDS.items():
        target = folder / name
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *_PICTURE, *_SOUND, *arguments, str(target)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        made[name] = target.read_bytes()
        target.unlink()
    return made


def write_mutants(folder: Path, count: int, seed: int) -> None:
    """That many files, spread evenly over films and kinds of damage; of equal numbers the same ones."""
    for number, (name, content) in enumerate(films(folder).items()):
        for turn in range(count // len(_KINDS)):
            damage, chance = DAMAGES[turn % len(DAMAGES)], random.Random(f"{seed} {number} {turn}")  # noqa: S311 - the same every time
            mutant = bytearray(content)
            for _ in range(chance.choice((1, 1, 2, 4))):
                damage(mutant, chance)
            (folder / f"{turn:03}-{damage.__name__}-{name}").write_bytes(mutant)


def bits(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 30)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def header_bits(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 6)):
        content[chance.randrange(min(2000, len(content)))] ^= 1 << chance.randrange(8)


def cut_off(content: bytearray, chance: random.Random) -> None:
    del content[chance.randint(1, len(content)) :]


def chunk_removed(content: bytearray, chance: random.Random) -> None:
    start, stop = _span(content, chance)
    del content[start:stop]


def chunk_doubled(content: bytearray, chance: random.Random) -> None:
    start, stop = _span(content, chance)
    content[stop:stop] = content[start:stop]


def noise(content: bytearray, chance: random.Random) -> None:
    start, stop = _span(content, chance)
    content[start:stop] = chance.randbytes(stop - start)


def size_edited(content: bytearray, chance: random.Random) -> None:
    """Another length where a box of MP4 or an element of Matroska says its own."""
    names = (b"moov", b"trak", b"mdia", b"stbl", b"stsz", b"stco", b"stts", b"stsd", b"avcC", b"mdat", b"moof", b"trun")
    places = [at - 4 for name in names if (at := content.find(name)) >= 4]
    places += [
        at + 4
        for name in (b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75", b"\x15\x49\xa9\x66")
        if (at := content.find(name)) >= 0
    ]
    place = chance.choice(places or [0])
    size = chance.choice((0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF, chance.randrange(2**16), chance.randrange(2**32)))
    content[place : place + 4] = size.to_bytes(4)


def _span(content: bytearray, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(max(1, len(content)))
    return start, min(len(content), start + chance.randint(1, 600))


DAMAGES: tuple[Mutate, ...] = (bits, header_bits, cut_off, chunk_removed, chunk_doubled, noise, size_edited)


def decode(asked: Mapping[str, Any], _: Progress) -> int:
    """Everything that perception decodes; the number of scenes."""
    from flywheel_assets.core.errors import NotAvailable
    from flywheel_assets.creative.perception.scenes import detect_scenes
    from flywheel_assets.creative.perception.sound import read_sound

    path = Path(asked["path"])
    found = detect_scenes(path, Media())
    with suppress(NotAvailable):  # said of a film whose sound cannot be decoded
        read_sound(path)
    return len(found)


def in_a_fork(task: Task, path: Path) -> dict[str, Any]:
    """The answer of a task, as a child gives it, or the number that its process ended with."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reads)
            limit_self(LIMITS)
            answer(task, {"path": str(path), "media": Media().model_dump(mode="json")}, writes)
            status = 0
        finally:
            os._exit(status)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        lines = pipe.read().splitlines()
    _, ended = os.waitpid(child, 0)
    return json.loads(lines[-1]) if lines else {"ended": os.waitstatus_to_exitcode(ended)}


def main(folder: Path) -> None:
    from av.subtitles import codeccontext, stream, subtitle  # noqa: F401

    from flywheel_assets.creative.perception import probe, scenes, sound  # noqa: F401 - loaded before the first fork
    from flywheel_assets.creative.perception.detectors import confirming  # noqa: F401
    from flywheel_assets.creative.perception.tasks import look

    for path in sorted(folder.iterdir()):
        told = {"name": path.name, "look": in_a_fork(look, path)}
        if "result" in told["look"]:
            told["decode"] = in_a_fork(decode, path)
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
