"""A group of commands that are imported when they are called: `--help` must not pay for what it does not use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

#: command -> (module, attribute, one line of help); the help stands in the table so that listing needs no import.
Table = Mapping[str, tuple[str, str, str]]


class LazyGroup(click.Group):
    """A group over a table of commands."""

    def __init__(self, *arguments: Any, table: Table, **more: Any) -> None:
        """Take the table; everything else is click's."""
        super().__init__(*arguments, **more)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in self.table:
            return None
        module, attribute, _ = self.table[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in self.table.items()])
