"""Serve files from GridFS over HTTP.

- ``motor.web.GridFSHandler`` for Tornado
- ``motor.aiohttp.AIOHTTPGridFS`` for aiohttp
- ``motor.web.asgi.GridFSApp`` and ``GridFSResponse`` for Starlette, FastAPI and other ASGI
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motor.web.handler import GridFSHandler

__all__ = ["GridFSHandler"]


def __getattr__(name: str) -> Any:
    # Imported late, so that motor.web.asgi can be imported without Tornado.
    if name == "GridFSHandler":
        from motor.web.handler import GridFSHandler

        return GridFSHandler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
