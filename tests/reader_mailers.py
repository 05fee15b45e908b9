"""Readers that make a message of each entry, run as their users run them: an address in, what stands in the messages out."""

from __future__ import annotations

import json
import mailbox
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

import lxml.html

from tests.reader_entries import Facts, File
from tests.reader_tools import environment, instant, link_file, python_reader, run, whole

#: Stands for the address of the server that the feed came from.
SERVER = "http://server.example"
#: rss2email with the headers that say who and when, delivered into a mailbox of files instead of over the network.
_RSS2EMAIL = """[DEFAULT]
from = feeds@example.com
to = me@example.com
date-header = True
date-header-order = issued, created, modified
name-format = {{author}}
html-mail = True
email-protocol = maildir
maildir-path = {home}/mail
maildir-mailbox = ours
"""


def read_feed2exec(home: Path, address: str) -> Iterator[Facts]:
    """`feed2exec fetch` with the output plugin `json`: the entries as it hands them on."""
    for line in _feed2exec(home, address, output="json").splitlines():
        entry = json.loads(line)
        date = entry.get("published_parsed") or entry.get("updated_parsed")
        yield Facts(
            id=entry["id"],
            title=entry["title"],
            link=_link(entry.get("link"), address),
            date=instant(timegm(tuple(date))),
            authors=tuple(person["name"] for person in entry.get("authors", ())),
            files=tuple(link_file(link) for link in entry.get("links", ()) if link["rel"] == "enclosure"),
            duration=whole(entry.get("itunes_duration")),
        )


def _link(link: str | None, address: str) -> str | None:
    """Return the link; the server's own address, whose port nobody knows beforehand, as `SERVER`."""
    return SERVER if link and link.rstrip("/") == address.partition("/feeds/")[0] else link


def _feed2exec(home: Path, address: str, *, output: str) -> str:
    """Let feed2exec fetch the feed; return what its output plugin printed."""
    command = [python_reader("feed2exec", "feed2exec"), "--config", f"{home}/feeds.ini", "--database", f"{home}/feeds.db"]
    if not (home / "feeds.ini").exists():
        run(home, *command, "add", "ours", address, "--output", output, "--args", "me@example.com", "--mailbox", f"{home}/mail")
    return run(home, *command, "fetch")


def read_feed2exec_mail(home: Path, address: str) -> Iterator[Facts]:
    """`feed2exec fetch` with its own default, the output plugin `maildir`."""
    _feed2exec(home, address, output="maildir")
    for message in _messages(home / "mail" / "ours"):
        yield Facts(
            id=str(message["Message-ID"]).strip(" <>"),
            title=str(message["Subject"]),
            link=_link(message["Archived-At"], address),
            date=_date(message),
            authors=_sender(message),
        )


def read_rss2email_seen(home: Path, address: str) -> Iterator[Facts]:
    """`r2e run --no-send`: the ids that it has seen."""
    _rss2email(home, address, "run", "--no-send")
    [feed] = json.loads((home / "feeds.json").read_text("utf-8"))["feeds"]
    for entry_id in feed["seen"]:
        yield Facts(id=entry_id)


def read_rss2email(home: Path, address: str) -> Iterator[Facts]:
    """`r2e run`, delivered into a mailbox of files."""
    _rss2email(home, address, "run")
    for message in _messages(home / "mail" / "ours"):
        page = lxml.html.document_fromstring(message.get_content())
        lines = [line for line in page.iter("p") if (line.text or "").startswith("Enclosure:")]
        yield Facts(
            id=str(message["X-RSS-ID"]).strip(),
            title=str(message["Subject"]),
            link=message["X-RSS-URL"],
            date=_date(message),
            authors=_sender(message),
            files=tuple(File(href=str(link.get("href"))) for line in lines for link in line.iter("a")),
        )


def _rss2email(home: Path, address: str, *words: str) -> None:
    command = [python_reader("rss2email", "r2e"), "--config", f"{home}/rss2email.cfg", "--data", f"{home}/feeds.json"]
    environment(home)
    if not (home / "mail").exists():
        (home / "mail").mkdir()
        (home / "rss2email.cfg").write_text(_RSS2EMAIL.format(home=home), "utf-8")
        run(home, *command, "add", "ours", address)
    run(home, *command, *words)


def _messages(folder: Path) -> Iterator[EmailMessage]:
    """Return the messages of a mailbox of files; none if it was never made."""
    if not folder.is_dir():
        return
    parser = BytesParser(EmailMessage, policy=policy.default)
    for message in mailbox.Maildir(folder, factory=None, create=False):
        yield parser.parsebytes(message.as_bytes())


def _date(message: EmailMessage) -> datetime:
    """Return the message's date; both write it in UTC, as "-0000"."""
    date = parsedate_to_datetime(str(message["Date"]))
    return date.replace(tzinfo=date.tzinfo or UTC)


def _sender(message: EmailMessage) -> tuple[str, ...]:
    [address] = message["From"].addresses
    return (address.display_name,) if address.display_name else ()
