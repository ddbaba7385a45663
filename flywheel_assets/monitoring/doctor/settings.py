"""The world, the account file and what a live world needs to be let in."""

from __future__ import annotations

from collections.abc import Iterator

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.monitoring.doctor.findings import Finding
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import load_account


def world(settings: Settings) -> Iterator[Finding]:
    """Which world, and where its state lies."""
    told = "no money can move" if settings.world == "sandbox" else "changes reach the real platform"
    yield Finding("world", "ok", f"{settings.world}: {told}")
    yield Finding("home", "ok", str(settings.root))


def account(settings: Settings) -> Iterator[Finding]:
    """The account file, read as a start would read it."""
    try:
        known = load_account(settings.account_file)
    except ConfigurationError as error:
        yield Finding("account", "fault", str(error), "mend the file; samples/account.yaml explains every field")
        return
    policy = known.policy or ("funnel" if known.hubspot else "blended")
    yield Finding("account", "ok", f"{known.account_id} {known.name}, mode {known.mode}, policy {policy}")


def credentials(settings: Settings) -> Iterator[Finding]:
    """Tokens and secrets: whether they are there, never what they are."""
    if settings.world == "sandbox":
        yield Finding("credentials", "ok", "none are needed in a sandbox")
        return
    try:
        known: Account | None = load_account(settings.account_file)
    except ConfigurationError:
        known = None  # told already
    for name, why in _needed(known):
        there = getattr(settings, name) is not None
        variable = f"FLYWHEEL_{name.upper()}"
        yield Finding(variable, "ok", "set") if there else Finding(variable, "fault", f"missing: {why}", "set it")
    if settings.notice_url is None:
        yield Finding("FLYWHEEL_NOTICE_URL", "lacks", "alerts are told to nobody", "set it to a chat's webhook")


def _needed(known: Account | None) -> Iterator[tuple[str, str]]:
    yield "meta_access_token", "every call to Meta carries it"
    yield "meta_app_secret", "every call to Meta is signed with it"
    if known is not None and known.hubspot is not None:
        yield "hubspot_access_token", "the account has HubSpot"
        yield "hubspot_webhook_secret", "webhooks that are not signed are refused"
    if known is not None and known.consent.identity_matching:
        yield "identity_pepper", "the account consents to identity matching"
