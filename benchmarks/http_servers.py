"""The two servers in Python that `make bench-http` compares: `python -m benchmarks.http_servers ours|bare FOLDER PORT`.

`bare` answers with what `answers.json` in the folder holds, whatever is asked; `ours` serves the folder's `public/`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ANSWERS = "answers.json"


def main(kind: str, folder: Path, port: int) -> None:
    """Serve until killed."""
    if kind == "ours":
        from aggregator.serve.server import serve

        serve(folder / "public", port=port).wait()
        return
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    uvicorn.run(
        _bare(folder),
        port=port,
        http=H11Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        loop="asyncio",
    )


def _bare(folder: Path) -> Any:
    answers: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for path, answer in json.loads((folder / ANSWERS).read_text("utf-8")).items():
        # The date is uvicorn's own, whoever serves.
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer["headers"] if name != "date"]
        start = {"type": "http.response.start", "status": answer["status"], "headers": headers}
        answers[path] = (start, {"type": "http.response.body", "body": bytes.fromhex(answer["body"])})

    async def application(scope: dict[str, Any], _receive: Any, send: Any) -> None:
        start, body = answers[scope["path"]]
        await send(start)
        await send(body)

    return application


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
