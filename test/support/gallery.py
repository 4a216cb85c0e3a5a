"""Run the gallery of the examples, watch what it is asked, and talk HTTP to it."""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from support.wait import PATIENCE
from support.web import Answer

PROGRAM = Path(__file__).parent.parent.parent / "examples" / "gallery"


@dataclass
class Exchange:
    """One request, and what came of it."""

    method: str
    path: str
    headers: dict[str, str]
    status: int | None = None
    answer_headers: dict[str, str] = field(default_factory=dict)


class Watched:
    """An ASGI application that keeps a record of what another one was asked."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.exchanges: list[Exchange] = []
        #: While it is not set, no body of a request is read.
        self.bodies_may_be_read = threading.Event()
        self.bodies_may_be_read.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        exchange = Exchange(scope["method"], scope["path"], _as_dict(scope["headers"]))
        self.exchanges.append(exchange)

        async def gated_receive() -> Any:
            while exchange.method == "POST" and not self.bodies_may_be_read.is_set():
                await asyncio.sleep(0.005)
            return await receive()

        async def watched_send(message: Any) -> None:
            if message["type"] == "http.response.start":
                exchange.answer_headers = _as_dict(message["headers"])
                exchange.status = message["status"]
            await send(message)

        await self._app(scope, gated_receive, watched_send)


class GallerySite:
    """The gallery on a real server."""

    def __init__(self, port: int, watched: Watched) -> None:
        self.port = port
        self.watched = watched

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def request(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None = None, **headers: str
    ) -> Answer:
        """Ask for `path`. A `body` that is no bytes is sent in chunks; `if_range=…` is If-Range."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, fields)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(self, name: str, content_type: str, body: bytes | Iterable[bytes]) -> Answer:
        return self.request("POST", f"/files?name={quote(name)}", body, content_type=content_type)

    def upload(
        self, name: str = "a.png", content_type: str = "image/png", body: bytes = b"picture"
    ) -> dict[str, Any]:
        """Store a file, and return the gallery's description of it."""
        answer = self.post(name, content_type, body)
        assert answer.status == 201, answer.body
        return dict(json.loads(answer.body))

    def listed(self, query: str = "") -> dict[str, Any]:
        answer = self.request("GET", f"/files{query}")
        assert answer.status == 200, answer.body
        return dict(json.loads(answer.body))

    def exchanges(self, method: str, path: str) -> list[Exchange]:
        return [e for e in self.watched.exchanges if (e.method, e.path) == (method, path)]


def make_gallery(database: Any, **options: Any) -> Watched:
    """The application of the example, on a Motor database."""
    if str(PROGRAM) not in sys.path:
        sys.path.append(str(PROGRAM))
    from gallery_app import create_app

    return Watched(create_app(database, **options))


def error_in(answer: Answer) -> str:
    return str(json.loads(answer.body)["error"])


def _as_dict(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
