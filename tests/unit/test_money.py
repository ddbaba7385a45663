"""Money: exact minor units, a currency always named, an unknown one refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.money import MINOR_DIGITS, Money, minor_digits

currencies = st.sampled_from(sorted(MINOR_DIGITS))


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("49.83", "USD", 4983),
        ("120", "USD", 12000),
        (120, "EUR", 12000),
        (Decimal("0.01"), "GBP", 1),
        ("1e2", "USD", 10000),
        ("500", "JPY", 500),
        ("500.0", "JPY", 500),
        ("1500", "HUF", 1500),  # two digits by ISO 4217, none at the platform
        ("0.10", "USD", 10),  # exact, where a float would be 0.1000000000000000055
    ],
)
def test_major_units_become_minor_ones(amount: str | int | Decimal, currency: str, minor: int) -> None:
    assert Money.parse(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize("amount", ["", "ten", "1,50", "0.001", "NaN", "inf", "-Infinity", "1e-3", "None"])
def test_what_is_no_amount_of_the_currency_is_refused(amount: str) -> None:
    with pytest.raises(ConfigurationError):
        Money.parse(amount, "USD")


def test_a_currency_without_cents_refuses_cents() -> None:
    with pytest.raises(ConfigurationError, match="finer than its minor unit; use 0 decimals"):
        Money.parse("500.5", "JPY")


@pytest.mark.parametrize("currency", ["XXX", "usd", "", "BTC", "KWD"])
def test_an_unknown_currency_is_refused_and_the_known_ones_are_named(currency: str) -> None:
    for make in (lambda: Money(1, currency), lambda: Money.parse("1", currency), lambda: minor_digits(currency)):
        with pytest.raises(ConfigurationError, match="is not supported; known are AED, ARS"):
            make()


@given(minor=st.integers(-(10**12), 10**12), currency=currencies)
def test_what_is_shown_reads_back_as_the_same_money(minor: int, currency: str) -> None:
    shown, _, code = str(Money(minor, currency)).rpartition(" ")
    assert Money.parse(shown, code) == Money(minor, currency)


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        (Money(4983, "USD"), "49.83 USD"),
        (Money(5, "USD"), "0.05 USD"),
        (Money(0, "EUR"), "0.00 EUR"),
        (Money(500, "JPY"), "500 JPY"),
    ],
)
def test_people_see_major_units(money: Money, shown: str) -> None:
    assert str(money) == shown


def test_equal_numbers_of_two_currencies_are_not_equal_money() -> None:
    assert Money(100, "USD") != Money(100, "EUR")
