"""How good the predictions were (E1, E2): measured over matured ads, or *insufficient* with what is missing.

The brief's accuracy is 1 - sum n |ctr - predicted| / sum n ctr. Clicks are counts, so even a perfect
model stays below 1; the ceiling beside it says how far: for n impressions at a rate p the expected
absolute error is sqrt(2 p (1 - p) / (pi n)).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.account import Account
from flywheel_assets.learning.actuals import Actual, load_actuals
from flywheel_assets.settings import Learning, Settings
from flywheel_assets.store.tables import prediction_accuracy

WINDOW = timedelta(days=14)  # older outcomes are another market; drift is the largest error there is


@dataclass(frozen=True)
class Metrics:
    """Of one model over matured ads.

    Attributes:
        rmse, mae: of the click-through rate, weighted by impressions.
        r2: share of the variance between ads that is explained; None when all ads did the same.
        accuracy: the brief's measure, at most 1, may be negative.
        ceiling: what a perfect model would reach on as many impressions.
        drift: log of observed to predicted clicks; above 0 more was clicked than predicted.
        skill: share of the Poisson deviance of the mean of the other ads that the model removes.
    """

    rmse: float
    mae: float
    r2: float | None
    accuracy: float
    ceiling: float
    drift: float
    skill: float | None


@dataclass(frozen=True)
class Accuracy:
    """Metrics over ``ads`` matured ads, or what is ``missing`` to have any."""

    ads: int
    metrics: Metrics | None
    missing: str | None

    @property
    def status(self) -> str:
        """``measured`` or ``insufficient``."""
        return "insufficient" if self.metrics is None else "measured"

    def told(self) -> str:
        """One clause for a person."""
        if self.metrics is None:
            return f"insufficient, {self.missing}"
        return f"accuracy {self.metrics.accuracy:.2f} of at most {self.metrics.ceiling:.2f} over {self.ads} ads"

    def row(self) -> dict[str, object]:
        """One table row."""
        return {
            "status": self.status,
            "ads": self.ads,
            **(vars(self.metrics) if self.metrics else {"missing": self.missing}),
        }


def measure(rows: Sequence[Actual], settings: Learning | None = None) -> Accuracy:
    """Accuracy of the predictions of ``rows``; only matured ones count."""
    rules = settings or Learning()
    matured = [row for row in rows if row.matured_at is not None]
    if len(matured) < rules.min_ads:
        short = rules.min_ads - len(matured)
        missing = f"{len(matured)} ads with {rules.mature_impressions} impressions, {short} more are needed"
        return Accuracy(len(matured), None, missing)
    if not any(row.clicks for row in matured):
        return Accuracy(len(matured), None, f"no click on any of {len(matured)} ads; check how clicks are counted")
    return Accuracy(len(matured), _metrics(matured), None)


def _metrics(rows: Sequence[Actual]) -> Metrics:
    shown = np.array([row.impressions for row in rows], dtype=float)
    clicks = np.array([row.clicks for row in rows], dtype=float)
    predicted = np.array([row.predicted_ctr for row in rows], dtype=float)
    rate, total = clicks / shown, shown.sum()
    mean = clicks.sum() / total
    squared, variance = shown @ (rate - predicted) ** 2, shown @ (rate - mean) ** 2
    missed = shown @ np.abs(rate - predicted)
    noise = np.sqrt(shown * 2 * rate * np.clip(1 - rate, 0, 1) / math.pi).sum()
    return Metrics(
        rmse=math.sqrt(squared / total),
        mae=float(missed / total),
        r2=float(1 - squared / variance) if variance > 0 else None,
        accuracy=float(1 - missed / clicks.sum()),
        ceiling=float(1 - noise / clicks.sum()),
        drift=math.log(clicks.sum() / (shown @ predicted)),
        skill=_skill(clicks, shown, predicted),
    )


def _skill(clicks: NDArray[np.float64], shown: NDArray[np.float64], predicted: NDArray[np.float64]) -> float | None:
    """Against the mean of the other ads: an ad may not help to predict itself."""
    others = (clicks.sum() - clicks) / (shown.sum() - shown) if clicks.size > 1 else None
    if others is None or np.any(others <= 0):
        return None
    base = deviance(clicks, shown * others).sum()
    return float(1 - deviance(clicks, shown * predicted).sum() / base) if base > 0 else None


def deviance(clicks: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Poisson deviance of every count; ``expected`` is above zero. Zero is a perfect prediction."""
    from scipy.special import xlogy

    return np.asarray(2 * (xlogy(clicks, clicks / expected) - clicks + expected), dtype=float)


def recent(rows: Sequence[Actual], hour: datetime) -> tuple[Actual, ...]:
    """Rows that still delivered within the window before ``hour``."""
    return tuple(row for row in rows if row.as_of > hour - WINDOW)


def record_accuracy(
    engine: Engine, account: Account, hour: datetime, settings: Settings, serving: str
) -> dict[str, Accuracy]:
    """Measure every model that predicted a recent ad, and the one that is ``serving``, and keep the answers."""
    with engine.begin() as connection:
        by_model: defaultdict[str, list[Actual]] = defaultdict(list, {serving: []})
        for row in recent(load_actuals(connection, account.account_id), hour):
            by_model[row.model].append(row)
        found = {model: measure(rows, settings.learning) for model, rows in by_model.items()}
        for model, accuracy in found.items():
            _save(connection, account.account_id, hour, model, accuracy)
    return found


def _save(connection: Connection, account_id: str, hour: datetime, model: str, accuracy: Accuracy) -> None:
    metrics = asdict(accuracy.metrics) if accuracy.metrics else {"missing": accuracy.missing}
    values = {"status": accuracy.status, "ads": accuracy.ads, "metrics": metrics}
    statement = insert(prediction_accuracy).values(account_id=account_id, hour=hour, model=model, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["account_id", "hour", "model"], set_=values))
