"""Containerfile and compose.yaml: they say what they must, and their commands work, outside of a container."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from aggregator.cli import COMMANDS
from aggregator.doctor.finding import Level, Situation
from aggregator.doctor.network import private
from tests.containers import Build, is_sent, one, read_containerfile
from tests.daemon_play import Daemon
from tests.projects import read, write

ROOT = Path(__file__).parents[1]
BUILD, FINAL = read_containerfile(ROOT / "Containerfile")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
#: Of https://github.com/compose-spec/compose-spec, what a service may say and this file may want to.
SERVICE_KEYS = frozenset(
    {
        *("build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "init", "logging", "mem_limit"),
        *("networks", "pids_limit", "ports", "read_only", "restart", "security_opt", "stop_grace_period", "tmpfs", "ulimits"),
        "volumes",
    }
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Build both stages below a prefix. Packages of others are those of the tests, not installed once more."""
    prefix = tmp_path_factory.mktemp("image")
    others = tmp_path_factory.mktemp("packages")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(("feed_aggregator", "_feed_aggregator", "pip")):
            (others / path.name).symlink_to(path)
    build = Build(prefix, ROOT, {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(others)})
    build.run(BUILD)
    build.run([each for each in FINAL if each.name != "RUN" or os.geteuid() == 0])
    return build


def test_the_image_runs_every_command_that_it_names(image: Build) -> None:
    """Built from nothing but what .dockerignore lets through, the image makes a project, checks it and syncs it."""
    entry = one(FINAL, "ENTRYPOINT").exec_form()

    for words in (["init"], ["check", "config"], ["sync"], ["-q", "doctor", "--offline"]):
        done = image.execute([*entry, *words])
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    assert (image.prefix / "data" / "public" / "feeds" / "all.atom").exists()
    assert image.execute(["aggregator", "--version"]).stdout.startswith("aggregator, version")
    where = image.execute(["python3", "-c", "import aggregator; print(aggregator.__file__)"]).stdout
    assert where.startswith(str(image.prefix)), where


def test_the_health_check_tells_whether_the_daemon_lives(image: Build) -> None:
    """The image's HEALTHCHECK passes while the daemon runs as compose.yaml starts it, and fails before and after."""
    check = one(FINAL, "HEALTHCHECK")
    assert set(check.flags) == {"interval", "timeout", "start-period", "retries"}
    health = [str(word) for word in yaml.safe_load(check.rest.removeprefix("CMD "))]
    entry = one(FINAL, "ENTRYPOINT").exec_form()
    image.execute([*entry, "init"])
    assert image.execute(health).returncode == 1

    given = COMPOSE["services"]["aggregator"]["command"]
    assert given[:3] == one(FINAL, "CMD").exec_form()
    command = image.command([*entry, *(word.replace("0.0.0.0:8080", "127.0.0.1:0") for word in given)])
    daemon = Daemon(command, image.environment)
    try:
        daemon.wait_for_ready()
        assert image.execute(health).returncode == 0
        assert daemon.stop() == 143
    finally:
        daemon.close()
    assert image.execute(health).returncode == 1


def test_the_container_is_told_to_end_as_the_daemon_expects_it() -> None:
    """Signals reach the program itself: exec forms, and SIGTERM; what it runs is a command that there is."""
    assert one(FINAL, "STOPSIGNAL").rest == "SIGTERM"
    entry, command = one(FINAL, "ENTRYPOINT").exec_form(), one(FINAL, "CMD").exec_form()

    assert entry == ["aggregator", "-C", one(FINAL, "WORKDIR").rest]
    assert command[0] in COMMANDS


def test_the_container_has_few_rights() -> None:
    """The image runs as a numbered user that is not root, from bases with a version, and nothing is fetched by ADD."""
    user = one(FINAL, "USER").rest

    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert [stage[0].rest.split()[0] for stage in (BUILD, FINAL)] == ["python:3.13-slim"] * 2
    assert not [each for stage in (BUILD, FINAL) for each in stage if each.name in {"ADD", "ONBUILD"}]
    order = [each.name for each in FINAL]
    assert order.index("RUN") < order.index("USER") < order.index("ENTRYPOINT")


def test_nothing_private_is_sent_to_the_builder() -> None:
    """Of the tree only the program and what installs it are built from: no configuration, state, posts or history."""
    ignore = (ROOT / ".dockerignore").read_text("utf-8")

    sent = {path: is_sent(path, ignore) for path in ("aggregator/cli/run.py", "pyproject.toml", "LICENSE")}
    kept = ("config/settings.yaml", ".git/config", "state/state.sqlite", "posts/a.md", "aggregator/__pycache__/a.pyc", ".env")
    assert all(sent.values())
    assert not any(is_sent(path, ignore) for path in kept)


def test_compose_says_nothing_that_is_unknown() -> None:
    """Every key of compose.yaml is one of the specification's, and every name in it is defined in it."""
    assert set(COMPOSE) == {"name", "services", "networks", "volumes"}
    for service in COMPOSE["services"].values():
        assert set(service) <= SERVICE_KEYS
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in COMPOSE["services"][other]
        named = [volume.split(":")[0] for volume in service.get("volumes", ()) if not volume.startswith(".")]
        assert set(named) <= set(COMPOSE["volumes"])


def test_compose_gives_the_daemon_what_it_needs_and_no_more() -> None:
    """The root is read-only, /tmp and the data are not, no right is left, and each container is bounded and comes back."""
    ours = COMPOSE["services"]["aggregator"]

    assert ours["read_only"] is True
    assert [each.split(":")[0] for each in ours["tmpfs"]] == ["/tmp"]
    assert ours["volumes"] == ["data:/data", "./config:/data/config:ro"]
    assert ours["init"] is True
    assert int(ours["stop_grace_period"].removesuffix("s")) > 10
    assert all(port.startswith("127.0.0.1:") for port in ours["ports"])
    for service in COMPOSE["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert {"mem_limit", "pids_limit"} <= set(service)
        assert service["restart"] == "unless-stopped"
        assert service["logging"]["options"]["max-size"]
    assert ours["command"][0] in COMMANDS


def test_the_rsshub_of_compose_may_be_asked(tmp_path: Path) -> None:
    """What docs/deployment.md tells to write of RSSHub is valid, and names just the network that compose.yaml makes."""
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    [block] = re.findall(r"```yaml\n# config/sources/rsshub.yaml\n(.*?)```", text, re.DOTALL)
    write(tmp_path, {"sources/rsshub.yaml": block})
    settings = read(tmp_path)

    [subnet] = [each["subnet"] for each in COMPOSE["networks"]["rsshub"]["ipam"]["config"]]
    [source] = settings.sources
    assert source.allow_private == (subnet,)
    assert ip_network(subnet).is_private
    assert source.addresses[0].startswith("http://rsshub:1200/")
    situation = Situation(
        root=tmp_path, config=tmp_path / "config", settings=settings, now=datetime.now(UTC), environ=os.environ
    )
    assert [finding for finding in private(situation) if finding.level is not Level.OK] == []
