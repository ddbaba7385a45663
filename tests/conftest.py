"""Rules for all tests: what is missing is skipped by name, and where skips are refused they fail the run."""

import os
import shutil
import signal

import pytest
from hypothesis import settings
from PIL import features
from xdist.scheduler import LoadScopeScheduling

from tests.databases import database_server, database_url

__all__ = ["database_server", "database_url"]  # fixtures of all tests below here

# A test says nothing about speed, and the machine may be busy.
settings.register_profile("flywheel", deadline=None)
settings.load_profile("flywheel")

_PROGRAMS = {"needs_npm": "npm", "needs_chromium": "chromium", "needs_setpriv": "setpriv"}


class _Together(LoadScopeScheduling):
    """Which tests have to run in one process: those of a file share what they render, and these folders' a launch."""

    _FOLDERS = ("tests/acceptance/",)

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return next((folder for folder in self._FOLDERS if file.startswith(folder)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Together:
    return _Together(config, log)


def pytest_configure() -> None:
    """A script's background job ignores Ctrl-C, and what it starts would too: tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, program in _PROGRAMS.items():
            if item.get_closest_marker(marker) and shutil.which(program) is None:
                item.add_marker(pytest.mark.skip(reason=f"{program} is not installed"))
        if item.get_closest_marker("needs_fribidi") and not features.check("raqm"):
            item.add_marker(pytest.mark.skip(reason="FriBidi, with which Pillow shapes text, is not installed"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("FLYWHEEL_REFUSE_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
