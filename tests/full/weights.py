"""Weights for the named engines without a model hub.

Whisper: the packaged tiny.en, which lies there for CTranslate2 in half precision, put into the names and the file
format that `whisper.load_model` reads. Nothing is lost: both hold the same numbers.
EasyOCR: no package carries its weights, so networks of the right shape with random numbers stand in; they read nothing.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_TINY_EN = {
    "n_mels": 80, "n_vocab": 51864, "n_audio_ctx": 1500, "n_audio_state": 384, "n_audio_head": 6, "n_audio_layer": 4,
    "n_text_ctx": 448, "n_text_state": 384, "n_text_head": 6, "n_text_layer": 4,
}  # fmt: skip


def repack_whisper(model: Path, target: Path) -> Path:
    """Write the CTranslate2 file `model` as an OpenAI Whisper checkpoint."""
    import torch

    ours = read_ctranslate2(model)
    named = {name: torch.from_numpy(values.astype(np.float16)) for name, values in _renamed(ours).items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"dims": _TINY_EN, "model_state_dict": named}, target)
    return target


def read_ctranslate2(model: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The variables of a CTranslate2 model file of version 6 by name."""
    content, at = model.read_bytes(), 0

    def number(kind: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + kind, content, at)
        at += struct.calcsize("<" + kind)
        return int(value)

    def name() -> str:
        nonlocal at
        size = number("H")
        at += size
        return content[at - size : at].rstrip(b"\0").decode()

    assert number("I") == 6
    assert name() == "WhisperSpec"
    number("I")
    found = {}
    for _ in range(number("I")):
        key, shape = name(), [number("I") for _ in range(number("B"))]
        kind, size = number("B"), number("I")
        found[key] = np.frombuffer(content, _TYPES[kind], size // np.dtype(_TYPES[kind]).itemsize, at).reshape(shape)
        at += size
    return found


def _renamed(ours: dict[str, np.ndarray[Any, Any]]) -> Iterator[Any] | dict[str, np.ndarray[Any, Any]]:
    named = {
        "decoder.token_embedding.weight": ours["decoder/embeddings/weight"],
        "encoder.positional_embedding": ours["encoder/position_encodings/encodings"],
        "decoder.positional_embedding": ours["decoder/position_encodings/encodings"],
        **_norm("encoder.ln_post", "encoder/layer_norm", ours),
        **_norm("decoder.ln", "decoder/layer_norm", ours),
    }
    for layer in ("conv1", "conv2"):
        named |= {f"encoder.{layer}.{part}": ours[f"encoder/{layer}/{part}"] for part in ("weight", "bias")}
    for side, count in (("encoder", _TINY_EN["n_audio_layer"]), ("decoder", _TINY_EN["n_text_layer"])):
        for index in range(count):
            there, here = f"{side}.blocks.{index}", f"{side}/layer_{index}"
            named |= _attention(f"{there}.attn", f"{here}/self_attention", ours)
            named |= _norm(f"{there}.attn_ln", f"{here}/self_attention/layer_norm", ours)
            if side == "decoder":
                named |= _attention(f"{there}.cross_attn", f"{here}/attention", ours)
                named |= _norm(f"{there}.cross_attn_ln", f"{here}/attention/layer_norm", ours)
            for step, part in ((0, "linear_0"), (2, "linear_1")):
                named |= {f"{there}.mlp.{step}.{p}": ours[f"{here}/ffn/{part}/{p}"] for p in ("weight", "bias")}
            named |= _norm(f"{there}.mlp_ln", f"{here}/ffn/layer_norm", ours)
    return named


def _norm(there: str, here: str, ours: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    return {f"{there}.weight": ours[f"{here}/gamma"], f"{there}.bias": ours[f"{here}/beta"]}


def _attention(there: str, here: str, ours: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """Query, key and value, which CTranslate2 stacks; Whisper's keys have no bias."""
    weights = [ours[f"{here}/linear_{each}/weight"] for each in range(3) if f"{here}/linear_{each}/weight" in ours]
    biases = [ours[f"{here}/linear_{each}/bias"] for each in range(3) if f"{here}/linear_{each}/bias" in ours]
    query, key, value = np.split(np.concatenate(weights[:-1]), 3)
    query_bias, _, value_bias = np.split(np.concatenate(biases[:-1]), 3)
    return {
        f"{there}.query.weight": query,
        f"{there}.key.weight": key,
        f"{there}.value.weight": value,
        f"{there}.out.weight": weights[-1],
        f"{there}.query.bias": query_bias,
        f"{there}.value.bias": value_bias,
        f"{there}.out.bias": biases[-1],
    }


@contextmanager
def random_easyocr(folder: Path) -> Iterator[None]:
    """EasyOCR's two files with random numbers in `folder`, their sums accepted by the library while this lasts."""
    import torch
    from easyocr import easyocr
    from easyocr.craft import CRAFT
    from easyocr.model.vgg_model import Model

    torch.manual_seed(1)
    detector, recogniser = easyocr.detection_models["craft"], easyocr.recognition_models["gen2"]["english_g2"]
    reader = Model(1, 256, 256, len(recogniser["characters"]) + 1)
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for entry, state in ((detector, CRAFT(pretrained=False).state_dict()), (recogniser, reader.state_dict())):
        file = folder / entry["filename"]
        torch.save({f"module.{name}": value for name, value in state.items()}, file)
        kept.append((entry, entry["md5sum"]))
        entry["md5sum"] = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    try:
        yield
    finally:
        for entry, sum_ in kept:
            entry["md5sum"] = sum_
