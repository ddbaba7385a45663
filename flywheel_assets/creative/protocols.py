"""What the creative stages need from the layers around them: a CTR predictor, past winners, further judges.

`learning` implements the first two, the Dagster layer hands all of them in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.types import Blueprint, Brief, Perception, ScenePrediction, Vote


@dataclass(frozen=True)
class Winner:
    """An advert that won, as far as a new draft can learn from it.

    ``similarity`` is the cosine between its creative DNA and the query; at or below 0 it teaches nothing.
    """

    ad_id: str
    hook_family: str
    hook_text: str
    call_to_action: str
    similarity: float


class WinnerRetriever(Protocol):
    """Finds past winners."""

    def similar(self, query: Brief | NDArray[np.float32], k: int) -> Sequence[Winner]:
        """At most ``k`` winners, most similar first; empty when nothing has won yet."""
        ...


class CtrPredictor(Protocol):
    """Ranks the scenes of a video as openings of an advert."""

    def predict(self, perception: Perception) -> tuple[ScenePrediction, ...]:
        """One prediction per scene, best first."""
        ...


class Judge(Protocol):
    """A further member of the council, e.g. a language model; it abstains rather than raise."""

    def __call__(self, blueprint: Blueprint) -> Vote:
        """The member's score of one draft."""
        ...
