"""What every test gets: a seed that is printed, sweeps sampled unless --whole, and missing tools skipped by name.

With REQUIRE_EVERYTHING=1 (CI sets it) a test that would be skipped for a missing system package or a missing ../shared fails
instead.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

Case = TypeVar("Case")
SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="run every sweep whole instead of a sample")
    parser.addoption("--sweep-seed", type=int, default=None, help="seed of the samples; printed in the header")
    parser.addoption("--sweep-share", type=float, default=None, help="share of each sweep to run, e.g. 0.1 in CI")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--sweep-seed") is None:
        # One seed for all worker processes of a run; a new one each minute, so that runs wander over the sweeps.
        config.option.sweep_seed = int(os.environ.get("SWEEP_SEED") or int(time.time()) // 60)
        os.environ["SWEEP_SEED"] = str(config.option.sweep_seed)


def pytest_report_header(config: pytest.Config) -> str:
    return f"sweeps: {'whole' if config.getoption('--whole') else f'sampled, --sweep-seed={config.option.sweep_seed}'}"


class Sweep:
    """Takes a sample of a sweep's cases, or all of them."""

    def __init__(self, config: pytest.Config) -> None:
        self.whole = bool(config.getoption("--whole"))
        self.seed = int(config.option.sweep_seed)
        self.share: float | None = config.getoption("--sweep-share")

    def sample(self, cases: list[Case], at_most: int) -> list[Case]:
        """Return all cases under --whole, else at most so many of them, drawn by the printed seed."""
        if self.whole:
            return cases
        number = max(1, round(len(cases) * self.share)) if self.share else at_most
        return random.Random(self.seed).sample(cases, min(number, len(cases)))

    def count(self, whole: int, sampled: int) -> int:
        """Return how many cases of an endless sweep to run."""
        if self.whole:
            return whole
        return max(1, round(whole * self.share)) if self.share else sampled


@pytest.fixture(scope="session")
def sweep(request: pytest.FixtureRequest) -> Sweep:
    """How much of a sweep this run takes."""
    return Sweep(request.config)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with corpora and the sample; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        _absent("../shared is not beside this checkout")
    return SHARED


def need(command: str) -> str:
    """Return the path of a system command, or skip the test and say why."""
    found = shutil.which(command)
    if found is None:
        _absent(f"{command} is not installed (apt-get install {command})")
    return found


def _absent(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_EVERYTHING"):
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)
