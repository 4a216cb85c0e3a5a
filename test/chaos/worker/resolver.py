"""Leads this process's connections through the proxies."""

from __future__ import annotations

import socket
from typing import Any


def divert(host: str) -> None:
    """Take `host` for 127.0.0.1 whenever a name is looked up, which drivers do to connect."""
    look_up = socket.getaddrinfo

    def getaddrinfo(name: Any, *args: Any, **kwargs: Any) -> Any:
        return look_up(host if name == "127.0.0.1" else name, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo
