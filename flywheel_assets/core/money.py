"""Money as an integer in minor units with a currency; an unknown currency refuses."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from flywheel_assets.core.errors import ConfigurationError

# Decimal places of the amounts the Marketing API takes, per currency. Meta treats the
# currencies with 0 here as having no cents, which differs from ISO 4217 for some (HUF, TWD,
# CLP, COP, CRC, ISK, IDR). A currency that is not listed refuses: a wrong factor is 100 x money.
MINOR_DIGITS: dict[str, int] = dict.fromkeys(
    (
        "AED", "ARS", "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "INR",
        "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "RON", "SAR", "SEK", "SGD", "THB", "TRY", "USD", "ZAR",
    ),
    2,
) | dict.fromkeys(("CLP", "COP", "CRC", "HUF", "IDR", "ISK", "JPY", "KRW", "PYG", "TWD", "VND"), 0)  # fmt: skip


def minor_digits(currency: str) -> int:
    """Decimal places of ``currency`` at the platform.

    Raises:
        ConfigurationError: the currency is not in the table.
    """
    try:
        return MINOR_DIGITS[currency]
    except KeyError:
        known = ", ".join(sorted(MINOR_DIGITS))
        raise ConfigurationError(f"currency {currency!r} is not supported; known are {known}") from None


@dataclass(frozen=True, order=False)
class Money:
    """An amount in minor units (cents, pence, yen) of one currency."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        minor_digits(self.currency)

    @classmethod
    def parse(cls, amount: str | int | Decimal, currency: str) -> Money:
        """Read an amount in major units, e.g. ``"49.83"``.

        Raises:
            ConfigurationError: not a number, or finer than the currency's minor unit.
        """
        try:
            scaled = Decimal(str(amount)).scaleb(minor_digits(currency))
        except InvalidOperation:
            raise ConfigurationError(f"{amount!r} is not an amount of {currency}") from None
        if not scaled.is_finite() or scaled != scaled.to_integral_value():
            raise ConfigurationError(
                f"{amount} {currency} is finer than its minor unit; use {minor_digits(currency)} decimals"
            )
        return cls(int(scaled), currency)

    def __str__(self) -> str:
        digits = minor_digits(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f} {self.currency}"
