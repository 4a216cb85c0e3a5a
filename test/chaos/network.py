"""All proxies of a run, on an event loop of their own in a thread of their own.

A member listens at 127.0.0.1. Each driver has another address of the loopback network, 127.0.0.2
and so on, where a proxy listens at each member's port: the driver's process takes one address for
the other (`worker/resolver.py`), so that what members say of themselves leads through the proxies.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from chaos.proxy import Proxy

_CALL_SECONDS = 20.0


class Network:
    """The proxies between drivers and members: a context manager."""

    def __init__(self, drivers: list[str], members: list[tuple[str, int]], seed: int) -> None:
        self._hosts = {name: f"127.0.0.{number}" for number, name in enumerate(drivers, 2)}
        self._members = members
        self._seed = seed
        self._proxies: list[list[Proxy]] = []
        self._loop = asyncio.new_event_loop()
        # A daemon: a run that fails to start ends all the same.
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="chaos-proxies", daemon=True
        )

    def host(self, driver: str) -> str:
        """The address that stands for 127.0.0.1 in the driver's process."""
        return self._hosts[driver]

    def __enter__(self) -> Network:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_SECONDS)
        self._loop.close()

    def each(self, members: list[int], do: Callable[[Proxy], object]) -> None:
        """Do something with the proxies of these members, all drivers' at once."""

        async def doing() -> None:
            for member in members:
                for proxy in self._proxies[member]:
                    do(proxy)

        self._call(doing())

    def heal(self) -> None:
        """Have all behave again."""

        async def healing() -> None:
            for proxies in self._proxies:
                for proxy in proxies:
                    await proxy.heal()

        self._call(healing())

    async def _start(self) -> None:
        for number, member in enumerate(self._members):
            proxies = [Proxy(host, member, self._seed + number) for host in self._hosts.values()]
            self._proxies.append(proxies)
            for proxy in proxies:
                await proxy.start()

    async def _stop(self) -> None:
        for proxies in self._proxies:
            for proxy in proxies:
                await proxy.stop()

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_CALL_SECONDS)
