"""Serves a farm with nginx: gzip, ETag, Last-Modified, keep-alive, and nothing beyond loopback.

In: a farm's folder. Out: a running nginx whose files all stand in that folder; no root needed. Each source listens on
an address of its own, because one listener for all of them would be `0.0.0.0`. What nginx answered stands in
`answers.log`, a status to a line.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CONF = """\
# Made by benchmarks.farm; paths are relative to this folder: nginx -p . -c nginx.conf
worker_processes 1;
pid nginx.pid;
events {{ worker_connections {connections}; }}
worker_rlimit_nofile {files};
http {{
  types {{
    application/rss+xml rss;
    application/atom+xml atom;
    application/rdf+xml rdf;
    application/feed+json json;
  }}
  log_format status $status;
  access_log answers.log status;
  client_body_temp_path tmp/body;
  proxy_temp_path tmp/proxy;
  fastcgi_temp_path tmp/fastcgi;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;
{validators}  gzip on;
  gzip_vary on;
  gzip_proxied any;
  gzip_types application/rss+xml application/atom+xml application/rdf+xml application/feed+json;
  keepalive_timeout 60s;
  keepalive_requests 100000;
  sendfile on;
  tcp_nopush on;
  server {{
    root {feeds};
{listen}  }}
}}
"""
#: Without validators a client that asks conditionally is answered in full all the same.
_VALIDATORS = {True: "  etag on;\n", False: '  etag off;\n  if_modified_since off;\n  add_header Last-Modified "";\n'}
_START_SECONDS = 10.0
CONF = "nginx.conf"
ANSWERS = "answers.log"


def write_conf(
    farm: Path, *, hosts: tuple[str, ...], port: int, name: str = CONF, feeds: str = "feeds", validators: bool = True
) -> None:
    """Write a configuration that serves the folder `feeds`, and make the folder for nginx's temporary files."""
    listen = "".join(f"    listen {host}:{port};\n" for host in hosts)
    text = _CONF.format(
        listen=listen,
        connections=len(hosts) + 1024,
        files=2 * len(hosts) + 2048,
        feeds=feeds,
        validators=_VALIDATORS[validators],
    )
    (farm / name).write_text(text, encoding="utf-8")
    (farm / "tmp").mkdir(exist_ok=True)


@contextmanager
def running(farm: Path, *, host: str, port: int, conf: str = CONF) -> Iterator[subprocess.Popen[bytes]]:
    """Run nginx in the foreground until the block ends; `host` is one of its addresses, asked until it answers.

    Raises:
        RuntimeError: another server has the port, or nginx ended, or it did not answer in time.
    """
    if _answers(host, port):  # nginx would try again for a while, and we would take the other server for it
        raise RuntimeError(f"another server listens on {host}:{port}; end it, or make a farm with another --port")
    # A root nginx gives its workers to `nobody`, who need not be allowed to read the farm.
    directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    argv = ["nginx", "-p", f"{farm.resolve()}/", "-c", conf, "-e", "stderr", "-g", directives]
    with subprocess.Popen(argv, start_new_session=True) as process:  # Ctrl-C is ours to pass on
        try:
            _wait_for(process, host, port)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def serve(farm: Path, *, host: str, port: int) -> int:
    """Serve until Ctrl-C or SIGTERM; return nginx's exit status, 0 after either of them."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell is started with it ignored
    try:
        with running(farm, host=host, port=port) as process:
            return process.wait()
    except KeyboardInterrupt:
        return 0


def _wait_for(process: subprocess.Popen[bytes], host: str, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"nginx ended with {process.returncode}; what it said stands above")
        if _answers(host, port):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nginx did not answer on {host}:{port} within {_START_SECONDS:.0f} s")


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
