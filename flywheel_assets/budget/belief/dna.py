"""Creative DNA as a few uncorrelated features: what is alike enough to expect alike results."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

_FEATURES = 6
_SAMPLES = 16


def features(dna: Vector | None, count: int) -> Vector:
    """Leading principal components, variance 1; an ad without DNA is an ordinary one. Shape (ads, 0 to 6)."""
    if dna is None or count <= _FEATURES:
        return np.zeros((count, 0))
    known = np.asarray(np.isfinite(dna).all(axis=1))
    length = np.linalg.norm(dna, axis=1, keepdims=True)
    unit = np.divide(dna, length, out=np.zeros_like(dna), where=length > 0)
    centred = np.where(known[:, None], unit - unit[known].mean(axis=0), 0.0)
    # A random sketch finds the leading directions of a thousand long vectors without a full decomposition.
    sketch = np.random.default_rng(0).standard_normal((dna.shape[1], _SAMPLES))
    basis, _ = np.linalg.qr(centred.T @ (centred @ sketch))
    left, strength, _ = np.linalg.svd(centred @ basis, full_matrices=False)
    kept = np.flatnonzero(strength[:_FEATURES] > 1e-6 * max(float(strength[0]), 1e-12))
    return np.asarray(left[:, kept] * np.sqrt(max(known.sum(), 1)))
