"""A small HTTP service, on Tornado, or on Starlette and uvicorn."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from typing import Any

from benchmark.dataset import COLLECTIONS
from benchmark.worker.workload import Workload


class WebService(Workload):
    """Serves `/one`, which finds one document, and `/all`, which reads 100,000 of them.

    The requests come from another process, so `run` does nothing.
    """

    async def open(self) -> dict[str, Any]:
        front = self.params["front"]
        self.make_client(front)
        # With the protocol: asyncio turns off Nagle's algorithm only for such sockets.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(256)
        self._socket.setblocking(False)
        self._server = _TornadoServer() if front == "tornado" else _StarletteServer()
        await self._server.start(self._socket, {"/one": self._one, "/all": self._all})
        return {"port": self._socket.getsockname()[1]}

    async def close(self) -> None:
        await self._server.stop()
        self._socket.close()
        await super().close()

    async def _one(self) -> Any:
        return await self.database["few"].find_one({"_id": random.randrange(COLLECTIONS["few"])})

    async def _all(self) -> Any:
        count = 0
        async for _ in self.database["small"].find():
            count += 1
        return {"count": count}


class _TornadoServer:
    async def start(self, listener: socket.socket, routes: dict[str, Any]) -> None:
        from tornado.httpserver import HTTPServer
        from tornado.web import Application, RequestHandler

        class Handler(RequestHandler):
            def initialize(self, respond: Any) -> None:
                self.respond = respond

            async def get(self) -> None:
                self.set_header("Content-Type", "application/json")
                self.finish(json.dumps(await self.respond()))

            def log_exception(self, *args: Any) -> None:
                raise args[1]

        handlers = [(path, Handler, {"respond": respond}) for path, respond in routes.items()]
        application = Application(handlers, log_function=lambda handler: None)
        self._server = HTTPServer(application)
        self._server.add_sockets([listener])

    async def stop(self) -> None:
        self._server.stop()
        await self._server.close_all_connections()


class _StarletteServer:
    async def start(self, listener: socket.socket, routes: dict[str, Any]) -> None:
        import uvicorn
        from starlette.applications import Starlette
        from starlette.responses import JSONResponse
        from starlette.routing import Route

        def endpoint(respond: Any) -> Any:
            async def answer(request: Any) -> JSONResponse:
                return JSONResponse(await respond())

            return answer

        application = Starlette(
            routes=[Route(path, endpoint(respond)) for path, respond in routes.items()]
        )
        config = uvicorn.Config(
            application, http="h11", ws="none", lifespan="off", access_log=False, log_level="error"
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.ensure_future(self._server.serve(sockets=[listener]))
        while not self._server.started:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._server.should_exit = True
        await self._task
