"""Settings from the environment, and secrets: where they may come from, and that nothing ever shows them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import ConfigError
from aggregator.pipeline.effective import user_agent
from tests.projects import SITE, problems_of, read, write

SOURCE = "sources:\n  s:\n    feed: https://a.example/f\n    categories: [A]\n"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """AGGREGATOR_SECTION__KEY takes the place of a key; an empty variable counts as not set, others are not ours."""
    write(tmp_path, {"settings.yaml": SITE + "fetch: {timeout: 5s, per_host: 2}\n"})
    made = read(
        tmp_path,
        {
            "AGGREGATOR_FETCH__TIMEOUT": "30s",
            "AGGREGATOR_FETCH__ALLOW_PRIVATE": "127.0.0.1, 10.0.0.0/8",
            "AGGREGATOR_FETCH__PER_HOST": "",
            "AGGREGATOR_STATE__URL": "postgresql://u:hunter2@db/x",
            "AGGREGATOR_SITE__TITLE": "null",
            "AGGREGATOR_PORT": "tcp://10.0.0.1:80",
        },
    )
    assert (made.fetch.timeout, made.fetch.per_host, made.site.title) == (timedelta(seconds=30), 2, "null")
    assert made.fetch.allow_private == ("127.0.0.1/32", "10.0.0.0/8")
    assert made.state.url.reveal() == "postgresql://u:hunter2@db/x"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AGGREGATOR_FETCH__TIMOUT", "1s", "no setting has this name"),
        ("AGGREGATOR_FETCHING__TIMEOUT", "1s", "no setting has this name"),
        ("AGGREGATOR_FETCH__TIMEOUT", "1", '"timeout" in fetch must be a duration with its unit'),
        ("AGGREGATOR_FETCH__HOSTS", "a", '"hosts" in fetch cannot be given in one variable'),
        ("AGGREGATOR_STATE__URL", "hunter2", '"url" in state must be an SQLAlchemy URL'),
    ],
)
def test_a_variable_that_does_not_fit(tmp_path: Path, name: str, value: str, message: str) -> None:
    """A variable with an unknown name or a wrong value is a problem that names it and not its secret."""
    [problem] = problems_of(tmp_path, {}, {name: value})
    assert (problem.file, problem.message) == (name, message)
    assert "hunter2" not in str(problem)


def test_a_hub_holds_no_secret(tmp_path: Path) -> None:
    """A hub's address stands in every feed: one with a user name is refused, and not shown."""
    [problem] = problems_of(tmp_path, {"settings.yaml": SITE + "public:\n  hubs: ['https://u:hunter2@hub.example/']\n"})
    assert problem.message.startswith('"hubs" in public carries a user name')
    assert "hunter2" not in str(problem)


def test_secrets_from_the_environment_and_from_files(tmp_path: Path) -> None:
    """`{env: NAME}` and `{file: PATH}` are looked up, the path from the project folder, one newline at its end dropped."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/token").write_bytes(b"hunter2\r\n")
    write(
        tmp_path,
        {
            "sources/a.yaml": SOURCE
            + "    headers: {A: {env: TOKEN}, B: {file: secrets/token}}\n    auth: {username: a, password: {env: TOKEN}}\n"
        },
    )
    [source] = read(tmp_path, {"TOKEN": "hunter3"}).sources
    assert [value.reveal() for _, value in source.headers] == ["hunter3", "hunter2"]
    assert source.auth is not None
    assert source.auth.password.reveal() == "hunter3"


SECRETIVE = """\
defaults:
  every: 1h
  headers: {X-A: hunter2, X-B: "hunter2"}
sources:
  s:
    feed: https://a.example/f
    categories: [A]
    headers:
      Authorization: Bearer hunter2
      X-Token: 'hunter2'
    proxy: http://u:hunter2@127.0.0.1:3128
  t: {feed: https://b.example/f, categories: A, auth: {username: ada, password: hunter2}, paused: false}
  u:
    feed: https://c.example/f
    categories: [A]
    auth:
      username: ada
      password: >-
        hunter2
"""


def _slips() -> list[str]:
    """Return the text with one character left out, and with one put in, at each place outside the secrets."""
    safe = [at for at in range(len(SECRETIVE)) if "hunter2" not in SECRETIVE[max(0, at - 6) : at + 7]]
    left_out = [SECRETIVE[:at] + SECRETIVE[at + 1 :] for at in safe]
    return left_out + [SECRETIVE[:at] + char + SECRETIVE[at:] for at in safe for char in " :\"'{[,#&*!|-\t\n"]


def test_no_slip_of_the_pen_shows_a_secret(tmp_path: Path, sweep: Any) -> None:
    """Whatever single character is missing or too many, no message and no excerpt holds a secret value."""
    refused = 0
    shown: list[str] = []
    for text in sweep.sample(_slips(), 300):
        write(tmp_path, {"sources/a.yaml": text})
        try:
            read(tmp_path)
        except ConfigError as error:
            refused += 1
            shown = [text] if "hunter2" in str(error) else shown
    assert shown == []
    assert refused > 50


@pytest.mark.parametrize(
    "text",
    [
        "    auth: hunter2\n",
        "    auth: {hunter2}\n",
        "    auth: [hunter2]\n",
        "    auth: {username: a, hunter2: }\n",
        "    proxy: hunter2\n",
        "    proxy: [hunter2]\n",
        "    proxy: {hunter2: a}\n",
        "    headers: hunter2\n",
        "    header: {A: hunter2}\n",
        "    headers: {A: [hunter2]}\n",
        "    headers:\n    A: hunter2\n",
        "    cookie: hunter2\n",
        "    oops: 1\n  t: {evry: 1, proxy: 'http://u:hunter2@x'}\n",
        "    auth: {username: a, password:hunter2}\n",
        "    auth: {username: a, password: hunter2\n",
        "    proxy: #http://u:hunter2@x\n",
        "    evry: 1h  # hunter2\n",
    ],
)
def test_misplaced_secrets_are_masked(tmp_path: Path, text: str) -> None:
    """A secret in the wrong place, under a wrong name or beside another fault is not repeated."""
    problems = problems_of(tmp_path, {"sources/a.yaml": SOURCE + text})
    assert "hunter2" not in "\n".join(map(str, problems))


def test_a_secret_state_url_is_masked(tmp_path: Path) -> None:
    """A wrong key beside the state's address shows the line without the address."""
    text = f"{SITE}state: {{ulr: 'postgresql://u:hunter2@db'}}\n"
    [problem] = problems_of(tmp_path, {"settings.yaml": text})
    assert problem.message == 'unknown key "ulr" in state'
    assert "hunter2" not in str(problem)


_HIDDEN = "3q2-7wAAAAAAAAAA"


def test_everything_can_be_served_behind_a_secret(tmp_path: Path) -> None:
    """The site's address ends with it; it shows nowhere, and upstreams are told the address without it."""
    site = SITE.replace("https://t.example/", f"https://t.example/{_HIDDEN}/")
    assert site != SITE
    write(tmp_path, {"settings.yaml": site + "server: {secret: {env: HIDDEN}}\n"})
    made = read(tmp_path, {"HIDDEN": _HIDDEN})

    assert made.server.secret is not None
    assert made.server.secret.reveal() == _HIDDEN
    assert _HIDDEN not in repr(made.server)
    assert "(+https://t.example/)" in user_agent(made)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"server: {{secret: {_HIDDEN}}}\n", '"url" in site must end with the secret'),
        ("server: {secret: short}\n", '"secret" in server must be 16 to 128 letters'),
        (f"server: {{secret: {_HIDDEN}/../}}\n", '"secret" in server must be 16 to 128 letters'),
    ],
)
def test_a_secret_that_would_not_do(tmp_path: Path, text: str, message: str) -> None:
    """One that can be guessed, that is no part of an address, or that the site's address does not hold, is refused unshown."""
    [problem] = problems_of(tmp_path, {"settings.yaml": SITE + text})

    assert problem.message.startswith(message)
    assert _HIDDEN not in str(problem)


def test_hubs_are_told_no_secret(tmp_path: Path) -> None:
    """A hub is told addresses, and tells them to whoever asks: it does not go with a secret."""
    site = SITE.replace("https://t.example/", f"https://t.example/{_HIDDEN}/")
    text = f"{site}server: {{secret: {_HIDDEN}}}\npublic: {{hubs: ['https://hub.example/']}}\n"
    [problem] = problems_of(tmp_path, {"settings.yaml": text})

    assert problem.message.startswith('"hubs" in public would be told')
