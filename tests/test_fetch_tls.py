"""TLS: certificates are verified, and nothing is loaded for runs that need none."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.fetch.tls import Tls
from tests.fetching import Names, a_source, failed, fetched, poll
from tests.raw_upstream import Route, Upstream, closing, reply
from tests.test_fetch_notify import tell
from tests.timeline import Timeline, feed

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made with the openssl command")

NAMES = Names(good_example=["127.0.0.2"], other_example=["127.0.0.2"])


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a root, a certificate for good.example, and an expired one."""
    folder = tmp_path_factory.mktemp("tls")
    _openssl(folder, *_NEW_KEY, "root.key", "-x509", "-out", "root.pem", "-subj", "/CN=test root", "-days", "2")
    (folder / "names.txt").write_text("subjectAltName=DNS:good.example")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for name, until in (("good", yesterday + timedelta(days=3)), ("expired", yesterday + timedelta(hours=1))):
        _openssl(folder, *_NEW_KEY, f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=good.example")
        _sign(folder, name, yesterday, until)
    return folder


_NEW_KEY = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout")


def _sign(folder: Path, name: str, since: datetime, until: datetime) -> None:
    """Use `openssl ca`, the one command of OpenSSL 3.0 that takes dates."""
    (folder / "index.txt").write_text("")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\nrand_serial=yes\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n"
        "[p]\ncommonName=supplied\n"
    )
    dates = [moment.strftime("%Y%m%d%H%M%SZ") for moment in (since, until)]
    _openssl(
        folder, "ca", "-batch", "-config", "ca.cnf", "-in", f"{name}.csr", "-out", f"{name}.pem", "-cert", "root.pem",
        "-keyfile", "root.key", "-startdate", dates[0], "-enddate", dates[1], "-extfile", "names.txt", "-notext",
    )  # fmt: skip


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def _server(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def test_trusted_certificate_is_accepted(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that the system trusts, for the name asked, is accepted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "root.pem"))
    with Upstream(tls=_server(certificates, "good"), routes={"*": reply(200, b"x")}) as upstream:
        answer = fetched(poll(upstream.address("/?x=%2F", host="good.example"), resolver=NAMES))

    assert answer.final_address.startswith("https://good.example:")
    assert upstream.asked[0].target == b"/?x=%2F"


@pytest.mark.rule("R12")
@pytest.mark.parametrize(
    ("name", "host", "trusted", "reason"),
    [
        ("good", "other.example", True, "ostname mismatch"),
        ("expired", "good.example", True, "expired"),
        ("good", "good.example", False, "certificate"),
    ],
)
def test_bad_certificates_are_refused(
    certificates: Path, monkeypatch: pytest.MonkeyPatch, name: str, host: str, reason: str, *, trusted: bool
) -> None:
    """A certificate for another name, an expired one, and one signed by nobody known are refused before the request."""
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "root.pem"))
    with Upstream(tls=_server(certificates, name), routes={"*": reply(200, b"x")}) as upstream:
        failure = failed(poll(upstream.address(host=host), resolver=NAMES), "tls")

    assert reason in failure.message
    assert upstream.asked == []


@pytest.mark.parametrize("trusted", [True, False])
def test_a_hub_must_prove_who_it_is(certificates: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool) -> None:
    """A ping goes to a hub whose certificate the system trusts, and to no other."""
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "root.pem"))
    with Upstream(tls=_server(certificates, "good"), routes={"*": closing(reply(202, b""))}) as hub:
        [answer] = tell(hub.address(host="good.example"), resolver=NAMES)

        assert len(hub.asked) == int(trusted)
    assert (answer is None) is trusted
    assert answer is None or answer.message.startswith("the server's certificate is not accepted: ")


@pytest.mark.rule("R12")
@pytest.mark.parametrize("verify", [True, False])
def test_old_protocols_are_refused(certificates: Path, monkeypatch: pytest.MonkeyPatch, *, verify: bool) -> None:
    """TLS 1.1 and older are no encryption to rely on, whoever the peer is: not even `verify: false` lets them in."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "root.pem"))
    server = _server(certificates, "good")
    server.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        server.minimum_version, server.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with Upstream(tls=server, routes={"*": reply(200, b"x")}) as upstream:
        source = a_source(upstream.address(host="good.example"), verify=verify)
        failure = failed(poll(source, resolver=NAMES), "tls")

    assert "no TLS connection" in failure.message
    assert upstream.asked == []


@pytest.mark.rule("R12", "F7")
@pytest.mark.parametrize("name", ["good", "expired"])
def test_one_source_may_go_unverified_and_says_so_on_each_poll(certificates: Path, tmp_path: Path, name: str) -> None:
    """`verify: false` takes any certificate, for that source alone; each of its polls, good or bad, says so."""
    routes: dict[str, Route] = {"/a": [feed(etag='"1"'), reply(304), reply(500, b"")], "/b": feed()}
    with Upstream(tls=_server(certificates, name), routes=routes) as upstream:
        sources = {"a": upstream.address("/a"), "b": upstream.address("/b")}
        timeline = Timeline(tmp_path, sources, a=", verify: false, every: 1h", b=", every: 1h")
        events = [timeline.sync(hours) for hours in (0, 2, 8)]
        timeline.sources(sources, a=", every: 1h", b=", every: 1h")
        checked = timeline.sync(8.1)

    for found in events:
        assert "its TLS certificate is not checked (verify: false)" in (found["a"].message or "")
        assert found["b"].kind == "tls"
        assert "verify" not in (found["b"].message or "")
    assert [found["a"].outcome.value for found in events] == ["news", "not-modified", "failed"]
    assert checked["a"].kind == "tls"
    assert {asked.target for asked in upstream.asked} == {b"/a"}
    assert "its TLS certificate is not checked" not in (timeline.state("a").last_message or "")
    assert timeline.state("a").validators is None


def test_plain_server_is_no_tls_server() -> None:
    """A server that speaks no TLS behind an https address is a TLS failure, and passed over."""
    with Upstream(greeting=reply(400, b"")) as plain, Upstream(routes={"*": reply(200, b"x")}) as other:
        source = a_source(plain.address().replace("http:", "https:"), other.address())
        answer = fetched(poll(source))

    assert answer.note is not None
    assert "no TLS connection" in answer.note


@pytest.mark.rule("F21")
def test_downgrade_is_refused(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect from https to http is not followed."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "root.pem"))
    with Upstream(routes={"*": reply(200, b"x")}) as plain:
        routes = {"*": reply(301, b"", location=plain.address())}
        with Upstream(tls=_server(certificates, "good"), routes=routes) as upstream:
            failure = failed(poll(upstream.address(host="good.example"), resolver=NAMES), "redirect")

    assert "from https to http" in failure.message
    assert plain.asked == []


def test_context_verifies_and_is_made_once() -> None:
    """There is one context per client; it checks certificates and names and speaks TLS 1.2 at least."""
    tls = Tls()

    assert tls.context is tls.context
    assert tls.context.verify_mode is ssl.CERT_REQUIRED
    assert tls.context.check_hostname
    assert tls.context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_roots_are_not_loaded_before_they_are_needed() -> None:
    """Importing and opening the client loads no TLS roots, and leaves the standard library as it was."""
    code = (
        "import ssl, asyncio\n"
        "genuine = ssl.create_default_context\n"
        "loads = ssl.SSLContext.set_default_verify_paths\n"
        "from aggregator.fetch.client import Client\n"
        "from aggregator.fetch.lean_aiohttp import aiohttp\n"
        "assert ssl.create_default_context is genuine and ssl.SSLContext.set_default_verify_paths is loads\n"
        "assert 'set_default_verify_paths' not in vars(ssl.SSLContext)\n"
        "assert aiohttp.connector._SSL_CONTEXT_VERIFIED.cert_store_stats()['x509'] == 0\n"
        "assert aiohttp.connector._SSL_CONTEXT_VERIFIED.verify_mode is ssl.CERT_REQUIRED\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
