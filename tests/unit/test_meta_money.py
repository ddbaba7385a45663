"""Least budgets and budget owners, from the platform's answers."""

from __future__ import annotations

from typing import Any

import pytest

from flywheel_assets.clients.meta_money import (
    AccountInfo,
    BudgetOwner,
    account_info,
    budget_owner,
    least_daily_budget,
)
from flywheel_assets.core.errors import ConfigurationError, PermanentError
from flywheel_assets.core.money import Money

ACCOUNT = {"currency": "EUR", "timezone_name": "Europe/Berlin", "account_status": 1, "min_daily_budget": 100}


def test_the_account_is_typed() -> None:
    assert account_info(ACCOUNT) == AccountInfo("EUR", "Europe/Berlin", 1, active=True, least=Money(100, "EUR"))


@pytest.mark.parametrize("status", [2, 3, 7, 9, 100, 101, "2"])
def test_an_account_of_any_other_status_is_not_active(status: Any) -> None:
    assert account_info({**ACCOUNT, "account_status": status}).active is False


@pytest.mark.parametrize("key", ["currency", "timezone_name", "account_status"])
def test_an_account_without_its_basics_is_refused(key: str) -> None:
    with pytest.raises(PermanentError, match=f"no {key}"):
        account_info({name: value for name, value in ACCOUNT.items() if name != key})


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="XXX"):
        account_info({**ACCOUNT, "currency": "XXX"})


@pytest.mark.parametrize(
    ("rows", "of_account", "least"),
    [
        ([{"currency": "EUR", "min_daily_budget_imp": "93"}], None, 93),
        ([{"currency": "EUR", "min_daily_budget_imp": 93}], 100, 100),  # the higher of the two is safe
        ([{"currency": "EUR", "min_daily_budget_imp": 120}], 100, 120),
        ([{"currency": "USD", "min_daily_budget_imp": 900}, {"currency": "EUR", "min_daily_budget_imp": 93}], None, 93),
        ([], 100, 100),
        ([{"currency": "EUR", "min_daily_budget_high_freq": 500}], 100, 100),  # of another way of billing
    ],
)
def test_the_least_budget_is_that_of_the_accounts_currency(
    rows: list[dict[str, Any]], of_account: int | None, least: int
) -> None:
    account = account_info({**ACCOUNT, "min_daily_budget": of_account})
    assert least_daily_budget(rows, account) == Money(least, "EUR")


@pytest.mark.parametrize("rows", [[], [{"currency": "USD", "min_daily_budget_imp": 100}], [{"currency": "EUR"}]])
def test_an_unknown_least_budget_is_not_zero(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(PermanentError, match="least daily budget for EUR"):
        least_daily_budget(rows, account_info({**ACCOUNT, "min_daily_budget": "0"}))


@pytest.mark.parametrize(
    ("answer", "owner"),
    [
        ({"daily_budget": "5000", "lifetime_budget": "0"}, BudgetOwner("7", "adset", 5000, None)),
        ({"lifetime_budget": "90000", "campaign": {"id": "3"}}, BudgetOwner("7", "adset", None, 90000)),
        ({"campaign": {"id": "3", "daily_budget": "8000"}}, BudgetOwner("3", "campaign", 8000, None)),
        ({"daily_budget": "0", "campaign": {"id": "3", "lifetime_budget": 9}}, BudgetOwner("3", "campaign", None, 9)),
    ],
)
def test_the_owner_is_the_one_with_the_budget(answer: dict[str, Any], owner: BudgetOwner) -> None:
    assert budget_owner("7", answer) == owner


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"daily_budget": "0", "campaign": {"id": "3"}},
        {"daily_budget": "5", "campaign": {"id": "3", "daily_budget": "8"}},
    ],
)
def test_no_owner_and_two_owners_are_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match="instead of one"):
        budget_owner("7", answer)


@pytest.mark.parametrize("amount", ["50.00", "-5", "many", "٣", True, 5.5])
def test_an_amount_that_is_not_minor_units_is_refused(amount: Any) -> None:
    with pytest.raises(PermanentError, match="minor units"):
        budget_owner("7", {"daily_budget": amount})
