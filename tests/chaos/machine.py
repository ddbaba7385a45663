"""The state machine: whatever may happen to a queue and its workers, in any order, on the real SQL."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from flywheel_assets.core.changes import SAFETY_PRIORITY, AdChange, SetBudget, SetName, SetStatus, SetTargeting
from flywheel_assets.execution import stops
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.enqueue import approve
from flywheel_assets.store.accounts import save_account
from tests.chaos.machine_checks import check_everything
from tests.chaos.machine_faults import FAULTS, QUESTION_ERRORS, errors_of, faults_of
from tests.chaos.machine_moments import check_claim, check_idle, check_intent, check_settled
from tests.chaos.machine_platform import Killed
from tests.chaos.machine_scene import ACCOUNTS, AD_SETS, CAMPAIGNS, LAUNCHED
from tests.chaos.machine_world import World

# Where nothing is locked, so that others may act; at the last four a worker can only die.
_OPEN_PLACES = ("read", "write", "K1_claimed", "K2_waiting", "K3_intent_written", "K4_request_sent")
_OPEN_PLACES += ("K5_answered", "K7_outcome_written", "K8_reading_back")
_LOCKED_PLACES = ("K0_before_claim_commits", "K6_before_outcome_commits", "K9_before_burial_commits", "K10_rescuing")


ad_sets = st.sampled_from((*AD_SETS, *AD_SETS, LAUNCHED))
objects = st.sampled_from((*AD_SETS, *CAMPAIGNS))
account_ids = st.sampled_from(tuple(ACCOUNTS))
now_or_places = st.sampled_from((None, None, *_OPEN_PLACES))
# What workers do after a step; most of what is asked for should be worked on before the next thing happens.
works = st.sampled_from(("nothing", "one", "drain", "drain", "an hour", "a day"))


class ExecutorMachine(RuleBasedStateMachine):
    """One run over one emptied database."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.at_intent = lambda worker: check_intent(world, worker)
        world.at_claim = lambda worker: check_claim(world, worker)

    # --- what is asked for --------------------------------------------------------------------------

    @rule(ref=ad_sets, share=st.floats(0.5, 2.0), minutes=st.sampled_from((None, None, None, 1, 90)), then=works)
    def ask_for_a_budget(self, ref: str, share: float, minutes: int | None, then: str) -> None:
        stale = None if minutes is None else self.world.now() + timedelta(minutes=minutes)
        spec = SetBudget(daily_budget=int(AD_SETS.get(ref, 3000) * share))
        self.world.ask(self.world.change(ref, spec, expires_at=stale))
        self._work(then)

    @rule(ref=objects, status=st.sampled_from(("ACTIVE", "PAUSED")), safety=st.booleans(), then=works)
    def ask_for_a_status(self, ref: str, status: str, *, safety: bool, then: str) -> None:
        urgent = safety and status == "PAUSED" and ref in CAMPAIGNS
        self.world.ask(
            self.world.change(ref, SetStatus(status=status), priority=SAFETY_PRIORITY if urgent else 0)  # type: ignore[arg-type]
        )
        self._work(then)

    @rule(ref=ad_sets, number=st.integers(1, 3), then=works)
    def ask_for_a_name_or_targeting(self, ref: str, number: int, then: str) -> None:
        countries = {"geo_locations": {"countries": ["US", "CA"][:number]}}
        spec = SetName(name=f"name {number}") if number < 3 else SetTargeting(targeting=countries)
        self.world.ask(self.world.change(ref, spec))
        self._work(then)

    @rule(then=works)
    def ask_for_a_launch(self, then: str) -> None:
        self.world.ask(*self.world.launch())
        self._work(then)

    @rule(ref=st.sampled_from(tuple(AD_SETS)), number=st.integers(3, 8), seconds=st.sampled_from((30, 600)))
    def ask_for_many(self, ref: str, number: int, seconds: int) -> None:
        """Enough at once for the hourly limits to bind."""
        for place in range(number):
            move = 200 if place % 2 else -200
            spec = SetBudget(daily_budget=AD_SETS[ref] + move) if place % 3 else SetName(name=f"name {place}")
            self.world.ask(self.world.change(ref, spec))
            self.world.forward(seconds)
            self.world.run_one()

    @precondition(lambda self: self.world.asked)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        """I21: the same change asked for twice is asked for once; `World.ask` looks after that."""
        change: AdChange = data.draw(st.sampled_from(self.world.asked))
        self.world.ask(change)

    # --- time and workers ---------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((1, 5, 20, 100, 600, 3000, 3601, 6 * 3600)), then=works)
    def time_passes(self, seconds: int, then: str) -> None:
        self.world.forward(seconds)
        self._work(then)

    @rule(account_id=account_ids, then=works)
    def real_time_passes(self, account_id: str, then: str) -> None:
        """Enough of it for leases to run out and for an open breaker to let a probe through."""
        self.world.lose_leases()
        self.world.cool_down(account_id)
        self._work(then)

    def _work(self, how: str) -> None:
        if how == "nothing":
            return
        self.world.forward(20)
        if how == "one":
            self.world.run_one()
        elif how == "drain":
            undisturbed, deaths = not self.world.armed, self.world.deaths
            self.world.run(lambda executor: executor.drain())
            if undisturbed and deaths == self.world.deaths:
                check_idle(self.world)
        else:
            until = self.world.now() + timedelta(hours=1 if how == "an hour" else 24)
            self.world.run(lambda executor: drain(executor, until))

    # --- faults -------------------------------------------------------------------------------------

    @rule(account_id=account_ids, kinds=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=4), then=works)
    def calls_will_fail(self, account_id: str, kinds: list[str], then: str) -> None:
        self.world.platforms[account_id].writes = faults_of(kinds)
        self._work(then)

    @rule(account_id=account_ids, kinds=st.lists(st.sampled_from(QUESTION_ERRORS), min_size=1, max_size=3), then=works)
    def questions_will_fail(self, account_id: str, kinds: list[str], then: str) -> None:
        self.world.platforms[account_id].reads = errors_of(kinds)
        self._work(then)

    @rule(times=st.integers(1, 4))
    def videos_take_their_time(self, times: int) -> None:
        self.world.platforms["act_1"].busy = times

    @rule(place=st.sampled_from((*_OPEN_PLACES, *_LOCKED_PLACES)), then=works)
    def the_next_worker_dies(self, place: str, then: str) -> None:
        def die() -> None:
            raise Killed(place)

        self.world.armed[place] = die
        self._work(then)

    # --- others, at any time and in between ---------------------------------------------------------

    @rule(place=st.sampled_from(_OPEN_PLACES), what=st.sampled_from(("another", "takeover", "slow", "slower", "newer")))
    def something_comes_in_between(self, place: str, what: str) -> None:
        world = self.world

        def takeover() -> None:
            world.lose_leases()
            world.run(lambda executor: executor.drain())

        world.armed[place] = {
            "another": world.run_one,
            "takeover": takeover,
            "slow": lambda: world.forward(700),
            "slower": lambda: world.forward(3700),
            "newer": self._newer_of_the_claimed,
        }[what]

    def _newer_of_the_claimed(self) -> None:
        """What the running worker holds is asked for anew, with another amount."""
        for ref in self.world.sql("select object_ref from pending_ad_changes where worker = :w", w=self.world.worker()):
            if ref[0] in AD_SETS:
                self.world.ask(self.world.change(ref[0], SetBudget(daily_budget=int(AD_SETS[ref[0]] * 1.1))))
                self.world.ask(self.world.change(ref[0], SetName(name="newer")))

    @rule(place=now_or_places, ref=ad_sets, share=st.sampled_from((0.5, 0.9, 1.1, 1.7)), then=works)
    def a_person_edits_a_budget(self, place: str | None, ref: str, share: float, then: str) -> None:
        self._now_or_at(place, lambda: self.world.edit_budget(ref, share))
        self._work(then)

    @rule(place=now_or_places, ref=objects, status=st.sampled_from(("ACTIVE", "PAUSED")), then=works)
    def a_person_edits_a_status(self, place: str | None, ref: str, status: str, then: str) -> None:
        self._now_or_at(place, lambda: self.world.edit(ref, status=status))
        self._work(then)

    @rule(place=now_or_places, account_id=account_ids, spend=st.booleans(), then=works)
    def an_account_is_stopped_for_a_while(self, place: str | None, account_id: str, *, spend: bool, then: str) -> None:
        def stop() -> None:
            if spend:
                self.world.stop_spend(account_id)
            else:
                self.world.transaction(stops.freeze, account_id, "the machine says so")

        self._now_or_at(place, stop)
        self._work("drain")
        self.world.forward(100)  # whatever nobody has answered has landed by now, or never will
        self._work("drain")
        check_everything(self.world)
        self.world.resume(account_id)
        self._work(then)

    @rule(place=now_or_places, account_id=account_ids, mode=st.sampled_from(("approve", "observe")), then=works)
    def the_mode_is_another_for_a_while(self, place: str | None, account_id: str, mode: str, then: str) -> None:
        def switch(mode: str) -> None:
            account = ACCOUNTS[account_id].model_copy(update={"mode": mode})
            self.world.transaction(save_account, account, "sandbox")

        self._now_or_at(place, lambda: switch(mode))
        self.ask_for_a_budget(next(iter(AD_SETS)), 1.1, None, "drain")
        self.ask_for_a_status("c3/campaign", "PAUSED", safety=then == "drain", then="drain")
        if then != "nothing":
            self.world.approve_all(approve)
            self._work("drain")
            switch("auto")
        self._work(then)

    @rule()
    def everybody_goes_on(self) -> None:
        """Accounts that a bad token stopped, plans that wait for approval, modes that were left."""
        for account_id in ACCOUNTS:
            self.world.resume(account_id)
            self.world.transaction(save_account, ACCOUNTS[account_id], "sandbox")
        self.world.approve_all(approve)

    def _now_or_at(self, place: str | None, action: Callable[[], object]) -> None:
        if place is None:
            action()
        else:
            self.world.armed[place] = action

    # --- what must hold -----------------------------------------------------------------------------

    @invariant()
    def everything_holds(self) -> None:
        check_everything(self.world)

    def teardown(self) -> None:
        """I13: once all is well again, everything ends."""
        if sys.exc_info()[0] is not None:
            return  # the failure that ended the run is the one to show
        self.world.heal()
        self.world.approve_all(approve)
        for _ in range(5):
            self.world.run(drain)
            self.world.cool_down(*ACCOUNTS)
        check_everything(self.world)
        check_settled(self.world)
