"""The engines that would look at the next video."""

from __future__ import annotations

from collections.abc import Iterator

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.creative.perception.engines.choice import Place, identities
from flywheel_assets.monitoring.doctor.findings import Finding
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import load_account


def engines(settings: Settings) -> Iterator[Finding]:
    """Each modality's engine, or why it is not available."""
    for modality, engine in identities(Place(settings.weights_path, _language(settings)), settings.perception).items():
        if engine.unavailable is None:
            weights = f", weights {engine.weights_sha256[:12]}" if engine.weights_sha256 else ""
            yield Finding(modality, "ok", f"{engine.name} {engine.version or ''}{weights}")
        else:
            yield Finding(modality, "lacks", engine.unavailable)  # the reason names its remedy


def _language(settings: Settings) -> str:
    """Of the account's own brief; English where every video brings one."""
    try:
        brief = load_account(settings.account_file).default_brief or {}
    except ConfigurationError:
        brief = {}
    return str(brief.get("language", "en"))
