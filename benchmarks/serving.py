"""What `make bench-http` found: as records, as a file, and as a section of docs/performance.md. Pure but for the file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import median

FILE = Path(__file__).with_name("serving.json")
#: Of a bare application on the same server, at least.
LEAST = 0.8
OURS, BARE, NGINX = "ours", "bare uvicorn", "nginx"
_TITLE = "## Serving"
_HEAD = """\
What [the server](operations.md#the-server-run-and-serve) answers in a second of its own processor time, on one processor: a
feed that the client has already (304), and its gzip variant, ready in memory. Beside it a bare ASGI application on the same
uvicorn and h11, which sends the same bytes to whoever asks; and nginx, one worker, on the same folder, as
[the recipe](deployment.md#behind-a-web-server) has it. What bare uvicorn does bounds what any application on it can do; nginx
is what no Python does. Processor time and not the clock's, since `wrk`, the kernel and whatever else runs share the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One server's answers to one kind of request."""

    kind: str
    server: str
    per_second: tuple[float, ...]  #: one for each round


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One run."""

    day: date
    phrases: tuple[str, ...]  #: versions and machine
    connections: int
    seconds: int
    packed_bytes: int  #: of the gzip variant
    rates: tuple[Rate, ...]

    def of(self, kind: str, server: str) -> float:
        """Return the median rate."""
        return median(next(rate.per_second for rate in self.rates if (rate.kind, rate.server) == (kind, server)))


def save(serving: Serving, path: Path = FILE) -> None:
    """Write the results as JSON."""
    path.write_text(json.dumps(asdict(serving) | {"day": serving.day.isoformat()}, indent=1) + "\n", "utf-8")


def load(path: Path = FILE) -> Serving | None:
    """Read what `save` wrote; None where nothing was measured yet."""
    if not path.exists():
        return None
    said = json.loads(path.read_text("utf-8"))
    rates = tuple(Rate(**{**rate, "per_second": tuple(rate["per_second"])}) for rate in said["rates"])
    return Serving(**{**said, "day": date.fromisoformat(said["day"]), "phrases": tuple(said["phrases"]), "rates": rates})


def render_section(serving: Serving) -> str:
    """Return the section."""
    kinds = list(dict.fromkeys(rate.kind for rate in serving.rates))
    servers = list(dict.fromkeys(rate.server for rate in serving.rates))
    table = [
        f"| answers in a second of processor time | {' | '.join(servers)} | ours of bare uvicorn | ours of nginx | |",
        "|---|" + "---|" * (len(servers) + 3),
    ]
    for kind in kinds:
        ours, bare, nginx = (serving.of(kind, server) for server in (OURS, BARE, NGINX))
        word = "met" if ours >= LEAST * bare else "not met"
        cells = [f"{serving.of(kind, server):,.0f}" for server in servers]
        table.append(
            f"| {kind} | {' | '.join(cells)} | {ours / bare:.0%} | {ours / nginx:.0%} | at least {LEAST:.0%}: {word} |"
        )
    rounds = len(serving.rates[0].per_second)
    about = (
        f"{serving.day:%Y-%m-%d}, {'; '.join(serving.phrases)}. {serving.connections} connections, {rounds} rounds of"
        f" {serving.seconds} s each, the servers in turn; medians. The gzip variant has {serving.packed_bytes:,} bytes."
    )
    return "\n\n".join([_TITLE, _HEAD, "    make bench-http", about, "\n".join(table)]) + "\n"


def with_section(page: str, section: str) -> str:
    """Return the page with this section in place of the one it has, or at its end."""
    without = re.sub(rf"(?ms)^{_TITLE}\n.*?(?=^## |\Z)", "", page).rstrip("\n")
    return f"{without}\n\n{section}"


def ratios(serving: Serving, kinds: Sequence[str]) -> dict[str, float]:
    """Return for each kind what ours is of bare uvicorn."""
    return {kind: serving.of(kind, OURS) / serving.of(kind, BARE) for kind in kinds}
