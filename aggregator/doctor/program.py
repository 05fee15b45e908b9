"""The program itself: its Python, its packages, and whether it can start a worker process."""

from __future__ import annotations

import asyncio
import platform
import re
import time
from importlib.metadata import PackageNotFoundError, requires, version

from aggregator import __version__
from aggregator.doctor.finding import Findings, Situation, fail, ok, warn
from aggregator.errors import StoreError
from aggregator.workers import WorkerDiedError, Workers

_DISTRIBUTION = "feed-aggregator"
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*\(?(?P<bounds>[^;)]*)\)?\s*(?:;(?P<marker>.*))?\Z")
_BOUND = re.compile(r"\s*(>=|<=|==|!=|<|>|~=)\s*([0-9]+(?:\.[0-9]+)*)")
_INSTALL = "install it again, into an environment of its own: pip install -c constraints.txt ."


def program(situation: Situation) -> Findings:
    """Judge the versions of Python and of the packages by what this program says it needs."""
    name = f"aggregator {__version__}, Python {platform.python_version()}"
    try:
        lines = requires(_DISTRIBUTION) or []
    except PackageNotFoundError:
        yield warn("program", f"{name}, run from its source: what it needs is not known", _INSTALL)
        return
    wanted = [found for line in lines if (found := _wanted(line, situation))]
    bad = [text for package, bounds in wanted if (text := _fault(package, bounds))]
    for text in bad:
        yield fail("program", text, _INSTALL)
    if not bad:
        yield ok("program", f"{name}, and {len(wanted)} packages as it needs them")


def _wanted(line: str, situation: Situation) -> tuple[str, str] | None:
    """Return name and bounds of a requirement that counts here; those of extras only where the configuration needs them."""
    found = _REQUIREMENT.match(line)
    if found is None:
        return None
    marker = found["marker"] or ""
    if "extra" in marker and not ("postgres" in marker and _has_postgres(situation)):
        return None
    return found["name"], found["bounds"]


def _has_postgres(situation: Situation) -> bool:
    return situation.settings is not None and situation.settings.state.url.reveal().startswith("postgresql")


def _fault(package: str, bounds: str) -> str | None:
    try:
        installed = version(package)
    except PackageNotFoundError:
        return f"the package {package} is missing"
    fits = all(_fits(_release(installed), sign, _release(bound)) for sign, bound in _BOUND.findall(bounds))
    return None if fits else f"the package {package} is {installed}; this program needs {bounds.strip()}"


def _release(text: str) -> tuple[int, ...]:
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", text)
    parts = [int(part) for part in found.group().split(".")] if found else []
    while parts and not parts[-1]:
        parts.pop()  # 2.0 is 2
    return tuple(parts)


def _fits(installed: tuple[int, ...], sign: str, bound: tuple[int, ...]) -> bool:
    judged = {
        ">=": installed >= bound,
        "~=": installed >= bound,  # its upper half is given as a bound of its own in what we ask for
        "<=": installed <= bound,
        "==": installed == bound,
        "!=": installed != bound,
        "<": installed < bound,
        ">": installed > bound,
    }
    return judged[sign]


def workers(situation: Situation) -> Findings:  # noqa: ARG001 - as all checks
    """Start one worker process, and have it answer."""
    began = time.monotonic()
    advice = "what a run with news needs cannot be started: look at the limits (ulimit -a) and at what confines this user"
    try:
        asyncio.run(_ask())
    except (StoreError, WorkerDiedError) as error:
        yield fail("workers", f"no worker process: {error}", advice)
    else:
        yield ok("workers", f"a worker process answers after {time.monotonic() - began:.1f} s")


async def _ask() -> None:
    with Workers(1) as pool:
        await pool.run(answer, None)


def answer(job: None) -> None:
    """Do nothing, in a worker."""
