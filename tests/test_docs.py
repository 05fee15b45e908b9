"""The docs tell the truth: every command and option stands in them, and what they name exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from aggregator.cli import COMMANDS, cli
from aggregator.cli import exits as exit_codes
from aggregator.cli.category import COMMANDS as CATEGORY_COMMANDS
from aggregator.cli.source import COMMANDS as SOURCE_COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def _commands() -> Iterator[tuple[str, click.Command]]:
    yield "", cli
    for name, (module, attribute, _) in COMMANDS.items():
        command: click.Command = getattr(import_module(module), attribute)
        if isinstance(command, click.Group):
            context = click.Context(command)
            names = command.list_commands(context)
            yield from ((f"{name} {sub}", inner) for sub in names if (inner := command.get_command(context, sub)))
        else:
            yield name, command


@pytest.mark.parametrize(("name", "command"), [pytest.param(*pair, id=pair[0] or "global") for pair in _commands()])
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    """Each command stands in docs/operations.md with each of its options, and each option has a help text."""
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert f"`{name}" in text
    for option in command.params:
        if not isinstance(option, click.Option):
            continue
        assert option.help, f"{name} {option.name} has no help"
        assert any(word in text for word in option.opts), f"{name} {option.opts} is not documented"


def test_every_exit_code_is_documented() -> None:
    """Each exit code stands in the table of docs/operations.md."""
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    codes = [value for name, value in vars(exit_codes).items() if name.startswith("EXIT_")]

    assert len(codes) == 9
    for code in codes:
        assert re.search(rf"^\|[^|]*\b{code}\b", text, re.MULTILINE), code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link in a page names a file that is there."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_begins_with_two_commands() -> None:
    """The first screen says what it is and gives just `make demo` and `make test`."""
    first_screen = "\n".join((ROOT / "README.md").read_text("utf-8").splitlines()[:12])

    assert re.findall(r"^    (\w+ \w+)", first_screen, re.MULTILINE) == ["make demo", "make test"]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {"demo", "test"} <= set(targets)


@pytest.mark.parametrize(("name", "row"), [*COMMANDS.items(), *SOURCE_COMMANDS.items(), *CATEGORY_COMMANDS.items()])
def test_the_list_of_commands_tells_what_they_do(name: str, row: tuple[str, str, str]) -> None:
    """The one line that `--help` gives for a command is there, and its command bears that name and a help of its own."""
    module, attribute, text = row
    command = getattr(import_module(module), attribute)

    assert command.name == name
    assert text.endswith(".")
    assert command.help
