"""Accuracy and retraining (E2): when a challenger is due, what it is trained on, and whether it may serve.

Trained: the first time enough ads have matured; later when the model in use is measured below
the accuracy asked for, or its clicks drift, or there are too few ads to measure it. Not trained: again
on the same outcomes. A cool-down of a fifth more ads or 24 hours keeps the loop from running in circles.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.core.ids import rng
from flywheel_assets.learning import artifacts, registry
from flywheel_assets.learning.accuracy import Accuracy, record_accuracy
from flywheel_assets.learning.cold_start import MODEL as COLD
from flywheel_assets.learning.comparison import Comparison, Predict, compare
from flywheel_assets.learning.ctr_model import Example, columns, fit, predicted, strength
from flywheel_assets.learning.examples import evidence, load_examples
from flywheel_assets.learning.report import Problem, Status, StepReport, in_words
from flywheel_assets.settings import Learning, Settings
from flywheel_assets.store.blobs import Blobs, Stored

STEP = "E2 accuracy and retraining"
_COOL_DOWN = timedelta(hours=24)
_MORE_ADS = 1.2


@dataclass(frozen=True)
class Retraining:
    """What became of the model.

    Attributes:
        serving: name of the model that predicts now.
        challenger: name of the version that was trained, None when none was due.
        retired: why the champion there was had to go, None when nothing was wrong with it.
        accuracy: of the model that predicted until now.
        comparison: of the challenger with it.
    """

    serving: str
    challenger: str | None
    promoted: bool
    retired: str | None
    accuracy: Accuracy
    comparison: Comparison | None
    reason: str
    problems: tuple[Problem, ...]

    def report(self) -> StepReport:
        """The step in words."""
        measured = self.accuracy.metrics
        how = f"accuracy {measured.accuracy:.2f}, ceiling {measured.ceiling:.2f}" if measured else self.accuracy.missing
        gone = f"; {self.retired}" if self.retired else ""
        return StepReport(
            step=STEP,
            status=self._status(),
            changed={
                "trained": int(self.challenger is not None),
                "promoted": int(self.promoted),
                "retired": int(self.retired is not None),
                "serving": self.serving,
            },
            reason=f"{how}; {self.reason}{gone}{in_words(self.problems)}",
        )

    def _status(self) -> Status:
        if self.challenger is not None or self.retired is not None:
            return "done"
        return "insufficient" if self.accuracy.metrics is None else "nothing"


@dataclass(frozen=True)
class _Serving:
    """The model in use as the comparison needs it."""

    name: str
    predict: Predict
    has_seen: frozenset[str]  # creatives
    retired: str | None


def retrain(engine: Engine, blobs: Blobs, account: Account, settings: Settings, hour: datetime) -> Retraining:
    """Measure the model in use, train a challenger when one is due, and let it serve when it is shown to be better."""
    serving = _serving(engine, blobs, account)
    accuracy = record_accuracy(engine, account, hour, settings, serving.name)[serving.name]
    with engine.connect() as connection:
        examples, problems = load_examples(connection, account.account_id)
        last = registry.newest(connection, account.account_id)
    unseen = [each for each in examples if each.creative_id not in serving.has_seen]
    rules = settings.learning
    wait = too_little(examples, unseen, rules) or not_due(examples, last, accuracy, rules, hour)
    if wait is not None:
        return Retraining(serving.name, None, False, serving.retired, accuracy, None, wait, problems)  # noqa: FBT003 - by field
    draws = rng(settings.seed, "comparison", account.account_id, hour.isoformat())
    comparison = compare(examples, unseen, serving.predict, draws)
    refusal = _refusal(comparison, len(examples), rules)
    stored = _store(blobs, fit(examples))  # the file first: a row must never name one that is not there
    with engine.begin() as connection:
        trained = registry.register(
            connection,
            account.account_id,
            stored,
            _trained_on(examples, hour),
            _metrics(comparison, examples, refusal),
        )
        if refusal is None:
            registry.promote(connection, account.account_id, trained.version, hour)
    reason = f"{trained.name} trained on {len(examples)} ads; " + (refusal or f"replaces {serving.name}")
    now = serving.name if refusal else trained.name
    return Retraining(now, trained.name, not refusal, serving.retired, accuracy, comparison, reason, problems)


def _serving(engine: Engine, blobs: Blobs, account: Account) -> _Serving:
    """The champion, or the prior; a champion whose file cannot be used is archived here."""
    with engine.begin() as connection:
        model = registry.champion(connection, account.account_id)
        if model is None:
            return _Serving(COLD, _prior, frozenset(), None)
        try:
            pipeline = registry.open_model(blobs, model).pipeline
        except NotAvailable as error:
            registry.retire_champion(connection, account.account_id)
            return _Serving(COLD, _prior, frozenset(), f"{model.name} was archived: {error}")
    seen = frozenset(model.trained_on["creatives"])
    return _Serving(model.name, lambda rows: _rates(pipeline, rows), seen, None)


def _prior(rows: Sequence[Example]) -> Any:
    return columns(rows).prior


def _rates(pipeline: Any, rows: Sequence[Example]) -> Any:
    data = columns(rows)
    return predicted(pipeline, data.features, data.prior)


def too_little(examples: Sequence[Example], unseen: Sequence[Example], rules: Learning) -> str | None:
    """Why nothing can be trained or compared; None when there is enough."""
    if len(examples) < rules.min_training_ads:
        return f"{len(examples)} matured ads, {rules.min_training_ads} are needed to train"
    if len(unseen) < 2:  # noqa: PLR2004 - one ad cannot be held out and compared
        return f"{len(unseen)} ads of creatives that the model in use has not seen, 2 are needed to compare"
    return None


def not_due(
    examples: Sequence[Example],
    last: registry.Registered | None,
    accuracy: Accuracy,
    rules: Learning,
    hour: datetime,
) -> str | None:
    """Why nothing is trained now; None when it is time."""
    if last is None:
        return None
    if last.trained_on["evidence"] == evidence(examples):
        return f"{last.name} was trained on these outcomes"
    rest = hour - datetime.fromisoformat(last.trained_on["hour"])
    if rest < _COOL_DOWN and len(examples) < _MORE_ADS * last.trained_on["ads"]:
        return f"{last.name} is {rest / timedelta(hours=1):.0f} h old and saw {last.trained_on['ads']} of {len(examples)} ads"
    found = accuracy.metrics
    if found and found.accuracy >= rules.accuracy_threshold and abs(found.drift) <= rules.drift:
        return f"at least {rules.accuracy_threshold:.2f}, and clicks drift by no more than {rules.drift:.2f}"
    return None


def _refusal(comparison: Comparison, ads: int, rules: Learning) -> str | None:
    if ads < rules.min_ads:
        return f"not promoted: {ads} matured ads, {rules.min_ads} are needed"
    why = comparison.refusal(rules.promote_probability)
    return None if why is None else f"not promoted: {why}"


def _store(blobs: Blobs, pipeline: Any) -> Stored:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{artifacts.SUFFIX}"
        artifacts.save(pipeline, path)
        return blobs.put(path)


def _trained_on(examples: Sequence[Example], hour: datetime) -> dict[str, Any]:
    return {
        "ads": len(examples),
        "creatives": sorted({each.creative_id for each in examples}),
        "impressions": sum(each.impressions for each in examples),
        "clicks": sum(each.clicks for each in examples),
        "hour": hour.isoformat(),
        "evidence": evidence(examples),
        "libraries": asdict(artifacts.libraries()),
    }


def _metrics(comparison: Comparison, examples: Sequence[Example], refusal: str | None) -> dict[str, Any]:
    """The comparison, and what a prediction is worth, from ads that were held out of it."""
    unseen = columns(comparison.unseen)
    told = asdict(comparison)
    for name in ("expected", "unseen"):
        del told[name]
    worth = strength(unseen.clicks, comparison.expected, unseen.shown)
    most = float(sum(each.impressions for each in examples))
    return {**told, "strength": min(worth, most), "not_promoted": refusal}
