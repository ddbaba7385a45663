"""The engines that would look at the next video."""

from __future__ import annotations

from collections.abc import Iterator

from flywheel_assets.clients.weights import YOLO, sha256_of
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


def weights(settings: Settings) -> Iterator[Finding]:
    """The weights that may not be packaged; those that are packaged are told with their engine."""
    path = settings.weights_path / YOLO.file
    if not path.is_file():
        found = f"no {YOLO.file} in {settings.weights_path}: objects are not looked for"
        yield Finding("weights", "lacks", found, "fetch it once: flywheel fetch-weights")
    elif (digest := sha256_of(path)) != YOLO.sha256:
        found = f"{path} has sha256 {digest}, expected {YOLO.sha256}; it is not used"
        yield Finding("weights", "fault", found, "remove it and fetch it again: flywheel fetch-weights")
    else:
        yield Finding("weights", "ok", f"{path}, {YOLO.size / 1e6:.1f} MB, AGPL-3.0")


def _language(settings: Settings) -> str:
    """Of the account's own brief; English where every video brings one."""
    try:
        brief = load_account(settings.account_file).default_brief or {}
    except ConfigurationError:
        brief = {}
    return str(brief.get("language", "en"))
