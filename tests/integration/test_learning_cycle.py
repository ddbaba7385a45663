"""One account that published, delivered and learned, on a real database: every step tells what it changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Table, func, select

from flywheel_assets.budget.types import AdState, Hours
from flywheel_assets.clients.embeddings import WordLlamaEmbedder
from flywheel_assets.core.account import Account, Consent
from flywheel_assets.core.ids import creative_id
from flywheel_assets.creative.repository import load_request, save_perception, save_predictions, save_verdicts
from flywheel_assets.creative.types import (
    Blueprint,
    Brief,
    Engine,
    Hook,
    Perception,
    Scene,
    SceneFeatures,
    ScenePrediction,
    SeenObject,
    Verdict,
)
from flywheel_assets.learning.actuals import load_actuals, sync_actuals
from flywheel_assets.learning.cold_start import MODEL, ColdStartCtr
from flywheel_assets.learning.ctr_model import TrainedCtr
from flywheel_assets.learning.cycle import CycleReport, run_cycle
from flywheel_assets.learning.dna import index_dna
from flywheel_assets.learning.knowledge import update_knowledge
from flywheel_assets.learning.promotion import Experiment, update_experiments
from flywheel_assets.learning.refresh import open_generation, open_requests, request_refreshes
from flywheel_assets.learning.registry import predictor_for
from flywheel_assets.learning.report import StepReport
from flywheel_assets.learning.shared import update_shared
from flywheel_assets.learning.training import retrain
from flywheel_assets.learning.winner_index import PostgresWinnerRetriever
from flywheel_assets.settings import Settings
from flywheel_assets.store import tables
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store

HOUR = datetime(2026, 8, 1, 12, tzinfo=UTC)
EMBEDDER = WordLlamaEmbedder()
HOOKS = (
    ("question", "Still waiting for a repair?"),
    ("number", "3 reasons offices switch coffee"),
    ("pain", "A broken coffee machine costs you mornings"),
    ("outcome", "Fresh coffee every morning"),
    ("contrast", "Them: queues. You: coffee"),
    ("command", "Stop fixing coffee machines"),
)
BRIEF = Brief(
    brand="Bright Cup",
    product="office coffee service",
    audience="office managers",
    pain="a broken coffee machine",
    pain_doing="waiting for a repair",
    outcome="fresh coffee every morning",
    outcome_do="start the day with fresh coffee",
    call_to_action="Book your free tasting",
    landing_url="https://example.org",
)
SCENES = 4


def perception(sha256: str) -> Perception:
    """Four scenes; the person grows from none to half of the frame."""
    return Perception(
        video_sha256=sha256,
        fps=30,
        frame_count=240,
        width=1080,
        height=1920,
        has_audio=True,
        scenes=tuple(
            Scene(index=i, start_frame=60 * i, end_frame=60 * i + 60, start=2.0 * i, end=2.0 * i + 2) for i in range(SCENES)
        ),
        features=tuple(
            SceneFeatures(
                index=i, brightness=0.5, saturation=0.3, motion=0.1, sharpness=500.0,
                objects=(SeenObject(label="person", time=2.0 * i, box=(0, 0, i / 6, 1), confidence=1),) if i else (),
            )
            for i in range(SCENES)
        ),
        engines={"scenes": Engine(name="made"), "objects": Engine(name="made")},
    )  # fmt: skip


@dataclass(frozen=True)
class World:
    """Writes what publishing and delivery would have left behind."""

    store: Store
    account: Account

    def publish(self, number: int, ads: int = 6, *, predicted: float = 0.01) -> str:
        """One creative with its ads at the platform; ad ids are ``<number>00`` and up."""
        sha256 = f"{number:064x}"
        described = BRIEF.model_dump(mode="json", exclude_none=True)
        key = creative_id(sha256, described)
        mine = self.account.account_id
        seen = perception(sha256)
        video = {"sha256": sha256, "uri": f"file:///{number}.mp4", "name": f"{number}.mp4", "bytes": 1, "probe": {}}
        creative = {"creative_id": key, "video_sha256": sha256, "account_id": mine, "brief": described}
        with self.store.engine.begin() as connection:
            connection.execute(tables.videos.insert().values(video))
            connection.execute(tables.creatives.insert().values(creative))
            save_perception(connection, key, seen, "digest")
            save_predictions(connection, key, self.predictions(predicted))
            save_verdicts(connection, key, [_verdict(at) for at in range(ads)])
            connection.execute(tables.ad_objects.insert().values(self._object(key, None, "campaign", f"{number}")))
            for at in range(ads):
                for kind, remote in (("adset", f"{number}9{at:02}"), ("ad", f"{number}{at:02}")):
                    connection.execute(tables.ad_objects.insert().values(self._object(key, at, kind, remote)))
        return key

    @staticmethod
    def predictions(ctr: float, model: str = MODEL) -> list[ScenePrediction]:
        return [
            ScenePrediction(index=i, rank=i + 1, ctr=ctr, strength=70, model=model, reasons=()) for i in range(SCENES)
        ]

    def _object(self, key: str, at: int | None, kind: str, remote: str) -> dict[str, Any]:
        return {
            "ref": f"{key}/campaign" if at is None else f"{key}/v{at:02}/{kind}",
            "world": "sandbox",
            "account_id": self.account.account_id,
            "kind": kind,
            "campaign_ref": f"{key}/campaign",
            "tag": f"fw-{key}-{at}-{kind}",
            "remote_id": remote,
            "status": "ACTIVE",
            "daily_budget": 5000 if kind == "adset" else None,
            "currency": self.account.currency,
        }

    def deliver(
        self, ad_id: str, hours: int, *, shown: int, clicks: int, leads: int = 0, currency: str = "USD"
    ) -> None:
        """The same in each of the last ``hours`` hours; a spend of 2.50 an hour."""
        rows = [
            {
                "account_id": self.account.account_id,
                "ad_id": ad_id,
                "hour": HOUR - timedelta(hours=back),
                "impressions": shown,
                "clicks": clicks,
                "leads": leads,
                "spend": 250,
                "currency": currency,
            }
            for back in range(hours)
        ]
        with self.store.engine.begin() as connection:
            connection.execute(tables.ad_insights.insert(), rows)

    def three_days(self, number: int = 1) -> str:
        """Six ads for 72 hours; the third is twice as good as the others."""
        key = self.publish(number)
        for at in range(6):
            self.deliver(f"{number}{at:02}", 72, shown=200, clicks=6 if at == 2 else 2)
        return key

    def know(self, number: int) -> None:
        """Three days, indexed and counted."""
        self.three_days(number)
        index_dna(self.store.engine, self.account, EMBEDDER)
        update_knowledge(self.store.engine, self.account, HOUR)

    def cycle(self) -> CycleReport:
        store = self.store
        return run_cycle(store.engine, store.blobs, self.account, store.settings, HOUR, EMBEDDER)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with self.store.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def count(self, table: Table) -> int:
        with self.store.engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _verdict(at: int) -> Verdict:
    family, text = HOOKS[at % len(HOOKS)]
    blueprint = Blueprint(
        key=f"v{at:02}",
        hook=Hook(index=at, family=family, text=text),
        scene_order=(at % SCENES, *(i for i in range(SCENES) if i != at % SCENES)),
        promise="Bright Cup: fresh coffee.",
        call_to_action="Book your free tasting",
        brand="Bright Cup",
    )
    return Verdict(blueprint=blueprint, turn=0, score=90.0, approved=True, votes=())


@pytest.fixture
def world(store: Store, account: Account) -> World:
    return World(store, account)


def step(report: CycleReport, number: int) -> StepReport:
    found = report.steps[number - 1]
    assert found.step.startswith(f"E{number} ")
    return found


# --- the whole cycle --------------------------------------------------------------------------------


def test_seven_steps_on_an_account_without_ads_change_nothing_and_say_why(world: World) -> None:
    report = world.cycle()
    assert len(report.steps) == 7
    assert {one.status for one in report.steps} <= {"nothing", "insufficient"}
    assert all(one.reason for one in report.steps)
    assert not any(value for one in report.steps for value in one.changed.values() if isinstance(value, int))


def test_three_days_teach_everything_once(world: World) -> None:
    key = world.three_days()
    report = world.cycle()
    assert not report.failed
    assert step(report, 1).changed == {"added": 6, "updated": 0, "matured": 6}
    assert step(report, 2).changed == {"trained": 1, "promoted": 0, "retired": 0, "serving": MODEL}
    assert "6 matured ads, 30 are needed" in step(report, 2).reason
    assert step(report, 4).changed == {"experiments": 1, "increases_queued": 1}
    assert step(report, 6).changed["winners_added"] == 1
    assert step(report, 6).changed["snapshots"] == 1
    assert step(report, 3).status == "done"
    assert "hook_family pain" in step(report, 3).reason
    assert (step(report, 5).status, step(report, 7).status) == ("nothing", "insufficient")
    (winner,) = world.rows(tables.winners)
    assert winner["ad_id"] == "102"
    (change,) = world.rows(tables.pending_ad_changes)
    assert (change["object_ref"], change["change_type"], change["new_budget"]) == (
        f"{key}/v02/adset",
        "set_budget",
        6000,
    )
    assert change["status"] == "pending"
    (saved,) = world.rows(tables.learning_cycles)
    assert [one["step"] for one in saved["steps"]] == [one.step for one in report.steps]


def test_a_second_cycle_of_the_same_hour_changes_nothing(world: World) -> None:
    world.three_days()
    world.cycle()
    changing = (tables.actuals, tables.model_registry, tables.experiments, tables.winners, tables.index_snapshots,
                tables.creative_dna, tables.knowledge_nodes, tables.knowledge_edges, tables.pending_ad_changes)  # fmt: skip
    before = {table.name: json.dumps(world.rows(table), default=str, sort_keys=True) for table in changing}
    again = world.cycle()
    assert {one.status for one in again.steps} <= {"nothing", "insufficient"}
    assert before == {table.name: json.dumps(world.rows(table), default=str, sort_keys=True) for table in changing}
    assert world.count(tables.learning_cycles) == 1


def test_what_won_is_what_the_next_brief_retrieves(world: World) -> None:
    world.three_days()
    world.cycle()
    retriever = PostgresWinnerRetriever(world.store.engine, world.account.account_id, EMBEDDER)
    (found,) = retriever.similar(BRIEF, 5)
    assert (found.ad_id, found.hook_family) == ("102", "pain")
    assert found.similarity > 0.3


def test_a_step_that_fails_is_told_and_the_others_go_on(world: World, settings: Settings) -> None:
    world.three_days()
    settings.root.mkdir(parents=True, exist_ok=True)
    (settings.root / "blobs").write_text("a file where the folder should be")
    report = world.cycle()
    assert [one.step[:2] for one in report.failed] == ["E2", "E6"]
    assert step(report, 4).status == "done"
    assert step(report, 3).status == "done"
    assert world.count(tables.model_registry) == 0


# --- actuals ----------------------------------------------------------------------------------------


def test_one_broken_ad_does_not_stop_the_others(world: World) -> None:
    key = world.publish(1)
    for at in range(4):
        world.deliver(f"1{at:02}", 1, shown=100, clicks=1, currency="EUR" if at == 3 else "USD")
    with world.store.engine.begin() as connection:
        verdicts, predictions = tables.council_verdicts, tables.scene_ctr_predictions
        connection.execute(verdicts.delete().where(verdicts.c.key == "v00"))
        connection.execute(predictions.delete().where(predictions.c.scene == 1))
    found = sync_actuals(world.store.engine, world.account, world.store.settings, HOUR)
    assert {(one.subject, one.rule) for one in found.problems} == {
        ("100", "no_blueprint"),
        ("101", "no_prediction"),
        ("103", "currency_mismatch"),
    }
    assert (found.added, found.not_reported) == (1, 2)
    assert [row["ad_id"] for row in world.rows(tables.actuals)] == ["102"]
    assert key in found.problems[0].reason


def test_a_later_ranking_does_not_rewrite_the_prediction_an_ad_is_held_against(world: World) -> None:
    key = world.publish(1, predicted=0.01)
    world.deliver("100", 1, shown=600, clicks=6)
    sync_actuals(world.store.engine, world.account, world.store.settings, HOUR - timedelta(hours=1))
    sync_actuals(world.store.engine, world.account, world.store.settings, HOUR)
    with world.store.engine.begin() as connection:
        save_predictions(connection, key, world.predictions(0.05, "ctr-9"))
        connection.execute(tables.ad_insights.update().values(impressions=1500, clicks=20))
    found = sync_actuals(world.store.engine, world.account, world.store.settings, HOUR)
    assert (found.added, found.updated, found.matured) == (0, 1, 1)
    with world.store.engine.connect() as connection:
        (row,) = load_actuals(connection, world.account.account_id)
    assert (row.model, row.predicted_ctr, row.impressions, row.clicks) == (MODEL, 0.01, 1500, 20)
    assert row.matured_at == HOUR + timedelta(hours=1)


def test_feedback_of_deals_is_linked(world: World) -> None:
    world.publish(1)
    world.deliver("100", 1, shown=600, clicks=6)
    rows = [
        {"account_id": world.account.account_id, "ad_id": "100", "deal_id": 5, "position": at,
         "occurred_at": HOUR - timedelta(hours=at) + timedelta(hours=2) * late, "stage": "s",
         "pipeline_increment": 1000, "cash_increment": 10, "currency": "USD"}
        for at, late in ((0, 0), (1, 0), (2, 2))
    ]  # fmt: skip
    with world.store.engine.begin() as connection:
        connection.execute(tables.ml_feedback.insert(), rows)
    sync_actuals(world.store.engine, world.account, world.store.settings, HOUR)
    (row,) = world.rows(tables.actuals)
    assert (row["pipeline"], row["cash"]) == (2000, 20)  # the third comes after this hour


def test_hours_after_the_asked_one_are_not_in_it(world: World) -> None:
    world.publish(1)
    world.deliver("100", 3, shown=600, clicks=6)
    sync_actuals(world.store.engine, world.account, world.store.settings, HOUR - timedelta(hours=1))
    (row,) = world.rows(tables.actuals)
    assert (row["impressions"], row["as_of"]) == (1200, HOUR - timedelta(hours=1))


# --- the model --------------------------------------------------------------------------------------


def learned_account(world: World) -> None:
    """Five creatives of eight ads whose rate truly grows with the person in the opening."""
    rng = np.random.default_rng(3)
    for number in range(1, 6):
        world.publish(number, ads=8)
        for at in range(8):
            rate = 0.004 * 3 ** (at % SCENES) * float(np.exp(rng.normal(0, 0.05)))
            world.deliver(f"{number}{at:02}", 1, shown=20_000, clicks=int(rng.binomial(20_000, rate)))
    sync_actuals(world.store.engine, world.account, world.store.settings, HOUR)


def test_a_challenger_that_is_better_on_unseen_creatives_becomes_champion(world: World) -> None:
    learned_account(world)
    store = world.store
    found = retrain(store.engine, store.blobs, world.account, store.settings, HOUR)
    assert (found.promoted, found.challenger, found.serving) == (True, "ctr-1", "ctr-1")
    assert found.accuracy.status == "measured"
    model = predictor_for(store.engine, store.blobs, world.account)
    assert isinstance(model, TrainedCtr)
    ranked = model.predict(perception("0" * 64))
    assert [one.index for one in ranked] == [3, 2, 1, 0]
    (row,) = world.rows(tables.model_registry)
    assert row["metrics"]["held_out"] == "creative"
    assert row["metrics"]["challenger"]["deviance"] < row["metrics"]["current"]["deviance"]
    assert row["trained_on"]["ads"] == 40
    later = retrain(store.engine, store.blobs, world.account, store.settings, HOUR)
    assert (later.challenger, later.serving) == (None, "ctr-1")


def test_a_champion_whose_file_was_changed_is_retired_and_a_new_one_trained(world: World) -> None:
    learned_account(world)
    store = world.store
    retrain(store.engine, store.blobs, world.account, store.settings, HOUR)
    (row,) = world.rows(tables.model_registry)
    store.blobs.local(row["artifact_uri"]).write_bytes(b"something else")
    found = retrain(store.engine, store.blobs, world.account, store.settings, HOUR)
    assert found.retired is not None
    assert "SHA-256" in found.retired
    assert found.report().status == "done"
    assert isinstance(predictor_for(store.engine, store.blobs, world.account), ColdStartCtr)


def test_accuracy_is_kept_for_every_model_that_predicted(world: World) -> None:
    learned_account(world)
    retrain(world.store.engine, world.store.blobs, world.account, world.store.settings, HOUR)
    (row,) = world.rows(tables.prediction_accuracy)
    assert (row["model"], row["status"], row["ads"]) == (MODEL, "measured", 40)
    assert row["metrics"]["accuracy"] < 1


# --- experiments ------------------------------------------------------------------------------------


def test_an_early_leader_is_not_promoted(world: World) -> None:
    world.publish(1)
    for at in range(6):
        world.deliver(f"1{at:02}", 47, shown=400, clicks=12 if at == 2 else 2)
    found = update_experiments(world.store.engine, world.account, world.store.settings, HOUR)
    (one,) = found.experiments
    assert (one.status, one.leader_ad_id) == ("running", "102")
    assert "47 h old" in one.reason
    assert world.count(tables.pending_ad_changes) == 0


def test_a_leader_whose_choice_could_cost_much_is_not_promoted(world: World, settings: Settings) -> None:
    world.publish(1)
    for at in range(6):
        world.deliver(f"1{at:02}", 72, shown=200, clicks=2)
    bold = settings.model_copy(update={"learning": settings.learning.model_copy(update={"winner_probability": 0.1})})
    (one,) = update_experiments(world.store.engine, world.account, bold, HOUR).experiments
    assert one.status == "running"
    assert "would be lost" in one.reason


def test_an_ad_that_is_clicked_but_earns_nothing_where_others_do_is_no_winner(world: World) -> None:
    world.three_days()
    deals = [
        {"account_id": world.account.account_id, "ad_id": "100", "deal_id": deal, "position": 0,
         "occurred_at": HOUR, "stage": "s", "pipeline_increment": 1000, "cash_increment": 0, "currency": "USD"}
        for deal in range(18)
    ]  # fmt: skip
    with world.store.engine.begin() as connection:
        connection.execute(tables.ml_feedback.insert(), deals)
    report = world.cycle()
    assert not report.failed
    assert "102" not in {row["ad_id"] for row in world.rows(tables.winners)}


def test_an_account_that_observes_records_the_increase_and_sends_nothing(world: World) -> None:
    watching = world.account.model_copy(update={"mode": "observe"})
    with world.store.engine.begin() as connection:
        save_account(connection, watching, "sandbox")
    world.three_days()
    found = update_experiments(world.store.engine, watching, world.store.settings, HOUR)
    assert len(found.promoted) == 1
    (change,) = world.rows(tables.pending_ad_changes)
    assert change["status"] == "observed"


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"daily_budget": None}, "budget_unknown"),
        ({"status": "PAUSED"}, "paused"),
        ({"daily_budget": 12_000}, "at_ceiling"),
    ],
)
def test_a_winner_that_cannot_be_raised_is_decided_and_says_why(
    world: World, changed: dict[str, Any], rule: str
) -> None:
    key = world.three_days()
    with world.store.engine.begin() as connection:
        adset = tables.ad_objects.c.ref == f"{key}/v02/adset"
        connection.execute(tables.ad_objects.update().where(adset).values(changed))
    found = update_experiments(world.store.engine, world.account, world.store.settings, HOUR)
    (one,) = found.experiments
    assert one.status == "decided"
    assert rule in one.reason
    assert world.count(tables.pending_ad_changes) == 0


def test_a_winner_whose_owner_keeps_its_budget_is_not_raised(world: World) -> None:
    world.three_days()
    keeps = world.account.model_copy(update={"opt_outs": ("102",)})
    (one,) = update_experiments(world.store.engine, keeps, world.store.settings, HOUR).experiments
    assert (one.status, one.leader_ad_id) == ("decided", "102")
    assert "opt_out: the account file's opt_outs name 102" in one.reason
    assert world.count(tables.pending_ad_changes) == 0


def test_a_promoted_experiment_is_over(world: World) -> None:
    world.three_days()
    update_experiments(world.store.engine, world.account, world.store.settings, HOUR)
    with world.store.engine.begin() as connection:
        best = tables.ad_insights.c.ad_id == "102"
        connection.execute(tables.ad_insights.update().where(best).values(clicks=0))
    found = update_experiments(world.store.engine, world.account, world.store.settings, HOUR)
    assert (found.changed, found.experiments[0].status, found.experiments[0].leader_ad_id) == (0, "promoted", "102")
    assert world.count(tables.pending_ad_changes) == 1


def ended(world: World, status: str, why: str | None = None) -> Experiment:
    """The experiment in the cycle after the executor was through with its winner's increase."""
    update_experiments(world.store.engine, world.account, world.store.settings, HOUR)
    with world.store.engine.begin() as connection:
        connection.execute(tables.pending_ad_changes.update().values(status=status, wait_reason=why))
    (one,) = update_experiments(world.store.engine, world.account, world.store.settings, HOUR).experiments
    (row,) = world.rows(tables.experiments)
    assert {name: row[name] for name in vars(one)} == vars(one)
    return one


def test_a_promotion_is_one_when_its_increase_was_applied(world: World) -> None:
    world.three_days()
    one = ended(world, "applied")
    assert (one.status, one.increase, one.promoted_at is not None) == ("promoted", "applied", True)
    assert one.reason.endswith("50.00 USD to 60.00 USD a day, applied")


@pytest.mark.parametrize("status", ["rejected", "dead", "superseded", "cancelled"])
def test_an_increase_that_ended_otherwise_promoted_nothing_and_is_not_asked_for_again(
    world: World, status: str
) -> None:
    world.three_days()
    one = ended(world, status, "edited_elsewhere: 5000 when we last knew")
    assert (one.status, one.increase, one.promoted_at, one.leader_ad_id) == ("decided", status, None, "102")
    assert one.reason.startswith(f"not promoted, its increase was {status} (edited_elsewhere: 5000 when we last knew)")
    again = update_experiments(world.store.engine, world.account, world.store.settings, HOUR)
    assert (again.changed, again.promoted, world.count(tables.pending_ad_changes)) == (0, (), 1)


def test_an_increase_that_a_person_sends_again_promotes_after_all(world: World) -> None:
    world.three_days()
    ended(world, "dead", "busy")
    assert ended(world, "pending").status == "promoted"


def test_an_increase_that_went_stale_is_asked_for_again_while_the_winner_is_clear(world: World) -> None:
    world.three_days()
    one = ended(world, "expired")
    assert (one.status, one.increase, world.count(tables.pending_ad_changes)) == ("promoted", "pending", 1)


def test_what_was_recorded_only_is_promoted_once_the_account_may_act(world: World) -> None:
    watching = world.account.model_copy(update={"mode": "observe"})
    with world.store.engine.begin() as connection:
        save_account(connection, watching, "sandbox")
    world.three_days()
    for _ in range(2):
        (one,) = update_experiments(world.store.engine, watching, world.store.settings, HOUR).experiments
        assert (one.status, one.increase) == ("decided", "observed")
    with world.store.engine.begin() as connection:
        save_account(connection, world.account, "sandbox")
    found = update_experiments(world.store.engine, world.account, world.store.settings, HOUR)
    assert (found.experiments[0].status, len(found.promoted)) == ("promoted", 1)


# --- what accounts share ----------------------------------------------------------------------------


def sharing(world: World, number: int) -> World:
    one = world.account.model_copy(
        update={
            "account_id": f"act_{number}",
            "niche": "office services",
            "consent": Consent(cross_account_sharing=True),
        }
    )
    with world.store.engine.begin() as connection:
        save_account(connection, one, "sandbox")
    return World(world.store, one)


def test_patterns_of_five_accounts_are_shared_without_a_word_or_a_name(world: World) -> None:
    members = [sharing(world, number) for number in range(1, 6)]
    for number, member in enumerate(members[:4], 1):
        member.know(number)
    alone = update_shared(world.store.engine, members[0].account, world.store.settings)
    assert (alone.status, alone.written) == ("nothing", 0)
    members[4].know(5)
    assert update_shared(world.store.engine, members[4].account, world.store.settings).report().status == "done"
    rows = world.rows(tables.shared_patterns)
    assert {row["kind"] for row in rows} == {"hook_family", "opening_object"}
    told = json.dumps(rows, default=str)
    assert "act_" not in told
    assert "coffee" not in told
    assert "tasting" not in told
    assert all(row["accounts"] == 5 for row in rows)


def test_one_account_is_not_enough_and_a_withdrawn_consent_takes_the_patterns_away(world: World) -> None:
    members = [sharing(world, number) for number in range(1, 6)]
    lonely = update_shared(world.store.engine, members[0].account, Settings(learning={"shared_min_accounts": 6}))  # type: ignore[arg-type]  # pydantic builds the group
    assert "needs 6 accounts, 5" in lonely.reason
    for number, member in enumerate(members, 1):
        member.know(number)
    update_shared(world.store.engine, members[0].account, world.store.settings)
    assert world.count(tables.shared_patterns) > 0
    left = members[2].account.model_copy(update={"consent": Consent()})
    with world.store.engine.begin() as connection:
        save_account(connection, left, "sandbox")
    gone = update_shared(world.store.engine, left, world.store.settings)
    assert gone.removed > 0
    assert world.count(tables.shared_patterns) == 0


# --- tired ads --------------------------------------------------------------------------------------


def save_states(world: World, tired: set[str]) -> None:
    """Five days of states; the click rate of the tired falls by three fifths a day."""
    rows = []
    for at in range(6):
        ad_id = f"1{at:02}"
        fall = 0.4 if ad_id in tired else 1.0
        clicks = [round(100 * fall ** (hour // 24)) for hour in range(120)]
        first = int((HOUR.timestamp() + 3600) // 3600) - 120
        seen = Hours(
            hour=tuple(range(first, first + 120)), impressions=(4000,) * 120, clicks=tuple(clicks), leads=(0,) * 120,
            spend=(20,) * 120, budget=(5000,) * 120,
        )  # fmt: skip
        state = AdState(
            ad_id=ad_id, ad_ref=f"c/{ad_id}/ad", object_ref=f"c/{ad_id}/adset", currency="USD", active=True,
            age_hours=120.0, current_budget=5000, allowed=(4000, 6000), floor=1000, ceiling=12_000,
            impressions=480_000, clicks=sum(clicks), spend=2400, hours=seen, blocked=None,
        )  # fmt: skip
        row = {"hour": HOUR, "ad_id": ad_id, "state": state.model_dump(mode="json"), "blocked": None}
        rows.append({"account_id": world.account.account_id, **row})
    with world.store.engine.begin() as connection:
        connection.execute(tables.ad_states.insert(), rows)


def test_a_tired_ad_asks_once_and_two_of_one_creative_share_the_next_generation(world: World) -> None:
    key = world.publish(1)
    save_states(world, tired={"100", "101", "102", "103"})
    found = request_refreshes(world.store.engine, world.account, world.store.settings, HOUR)
    assert found.requested == ("100", "101", "102", "103")
    assert request_refreshes(world.store.engine, world.account, world.store.settings, HOUR).requested == ()
    with world.store.engine.begin() as connection:
        opened = {
            open_generation(connection, request) for request in open_requests(connection, world.account.account_id)
        }
    with world.store.engine.connect() as connection:
        assert open_requests(connection, world.account.account_id) == ()
        (fresh,) = opened
        assert load_request(connection, fresh).brief == BRIEF
    rows = {row["creative_id"]: row for row in world.rows(tables.creatives)}
    assert (rows[fresh]["generation"], rows[fresh]["parent_id"]) == (1, key)
    assert rows[fresh]["video_sha256"] == rows[key]["video_sha256"]


def test_states_older_than_a_day_tire_nobody(world: World) -> None:
    world.publish(1)
    save_states(world, tired={"100", "101", "102", "103"})
    late = HOUR + timedelta(hours=24)
    found = request_refreshes(world.store.engine, world.account, world.store.settings, late)
    assert (found.states_at, found.report().status) == (None, "insufficient")
