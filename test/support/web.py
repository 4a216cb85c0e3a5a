"""Serve GridFS with each front on a real server, and talk HTTP to it."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPMessage
from typing import Any, Literal

from support.wait import PATIENCE


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: HTTPMessage
    body: bytes


@dataclass(frozen=True)
class Site:
    """A server that runs, with GridFS below `/files/`."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/files/"

    def request(self, method: str, path: str, headers: dict[str, str] | None = None) -> Answer:
        """Ask for `path` below `/files/`; it is sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, "/files/" + path, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET with header fields as keywords: `if_range=…` is If-Range."""
        return self.request("GET", path, {k.replace("_", "-"): v for k, v in headers.items()})

    def head(self, path: str, **headers: str) -> Answer:
        return self.request("HEAD", path, {k.replace("_", "-"): v for k, v in headers.items()})

    def raw(self, request: bytes) -> bytes:
        """Send bytes that no client would, and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(request)
            received = b""
            while piece := connection.recv(65536):
                received += piece
            return received


@dataclass
class Options:
    """The options that all fronts have, by the names of their arguments."""

    arguments: dict[str, Any] = field(default_factory=dict)
    #: Set by `set_extra_headers`, in the way of the front.
    extra_headers: dict[str, str] = field(default_factory=dict)


Serve = Callable[[socket.socket, Callable[[], None], asyncio.Event], Awaitable[None]]


@contextmanager
def running(serve: Serve) -> Iterator[Site]:
    """Run `serve(socket, ready, stop)` on a loop in a thread of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    ready = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    failures: list[BaseException] = []

    async def main() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        await serve(listening, ready.set, stop)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as exc:
            failures.append(exc)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="site")
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        if not failures:
            yield Site(listening.getsockname()[1])
    finally:
        for loop, stop in loops:
            if thread.is_alive():
                loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        listening.close()
    assert not thread.is_alive()
    if failures:
        raise failures[0]


# The fronts ---------------------------------------------------------------------------------


def tornado_front(db: Any, options: Options) -> Serve:
    from tornado.web import Application

    from motor.web import GridFSHandler

    class Handler(GridFSHandler):
        def set_extra_headers(self, path: str, gridout: Any) -> None:
            for name, value in options.extra_headers.items():
                self.set_header(name, value)

    route = (r"/files/(.*)", Handler, {"database": db, **options.arguments})
    return tornado_server(Application([route]))


def tornado_server(app: Any) -> Serve:
    async def serve(listening: Any, ready: Any, stop: Any) -> None:
        from tornado.httpserver import HTTPServer

        listening.setblocking(False)
        server = HTTPServer(app)
        server.add_socket(listening)
        ready()
        await stop.wait()
        server.stop()
        await server.close_all_connections()

    return serve


def aiohttp_front(db: Any, options: Options) -> Serve:
    from aiohttp import web

    from motor.aiohttp import AIOHTTPGridFS

    def set_extra_headers(response: Any, gridout: Any) -> None:
        response.headers.update(options.extra_headers)

    app = web.Application()
    handler = AIOHTTPGridFS(db, set_extra_headers=set_extra_headers, **options.arguments)
    app.router.add_route("*", "/files/{filename:.*}", handler)
    return aiohttp_server(app)


def aiohttp_server(app: Any) -> Serve:
    async def serve(listening: Any, ready: Any, stop: Any) -> None:
        from aiohttp import web

        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        ready()
        await stop.wait()
        await runner.cleanup()

    return serve


def asgi_front(db: Any, options: Options) -> Serve:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from motor.web.asgi import GridFSApp

    def set_extra_headers(response: Any, grid_out: Any) -> None:
        response.headers.update(options.extra_headers)

    files = GridFSApp(db, set_extra_headers=set_extra_headers, **options.arguments)
    return asgi_server(Starlette(routes=[Mount("/files", files)]))


def asgi_server(app: Any, *, lifespan: Literal["on", "off"] = "off") -> Serve:
    async def serve(listening: Any, ready: Any, stop: Any) -> None:
        import uvicorn

        class Server(uvicorn.Server):
            async def main_loop(self) -> None:
                # A tick sets the time that answers say. The end does not wait for the next one.
                await self.on_tick(0)
                ready()
                while not stop.is_set():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), 0.5)
                    await self.on_tick(0)
                self.force_exit = lifespan == "off"

            async def shutdown(self, sockets: Any = None) -> None:
                if lifespan != "off":
                    await super().shutdown(sockets)
                    return
                # Uvicorn's own takes a tenth of a second in any case.
                for server in self.servers:
                    server.close()
                for connection in [*self.server_state.connections]:
                    connection.shutdown()
                for _ in range(100):
                    if not self.server_state.connections:
                        break
                    await asyncio.sleep(0.001)

        await Server(uvicorn.Config(app, log_config=None, lifespan=lifespan)).serve([listening])

    return serve


@dataclass(frozen=True)
class Front:
    """One way to serve GridFS: the Motor client that it takes, and what a server of it needs."""

    client: str
    serve: Callable[[Any, Options], Serve]
    requires: tuple[str, ...]


FRONTS = {
    "tornado": Front("motor.motor_tornado:MotorClient", tornado_front, ("tornado",)),
    "aiohttp": Front("motor.motor_asyncio:AsyncIOMotorClient", aiohttp_front, ("aiohttp",)),
    "asgi": Front("motor.motor_asyncio:AsyncIOMotorClient", asgi_front, ("starlette", "uvicorn")),
}
