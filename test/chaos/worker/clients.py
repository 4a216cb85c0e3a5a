"""The clients of a driver: what their options promise, and the work that is done with each."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from chaos.plan import APP_NAME
from chaos.worker import causal, files, reading, streams, tailing, transfers, writing
from chaos.worker.adapters import Motor, settle
from chaos.worker.cancelling import cancel_often, numbers
from chaos.worker.journal import Journal
from chaos.worker.places import Place
from chaos.worker.probe import probe
from chaos.worker.unsent import Sent, cancel_in_time
from chaos.worker.work import Work

_SELECTION, _CONNECT, _SOCKET, _QUEUE = 5.0, 2.0, 4.0, 2.0
_TIMEOUT = 8.0
_COMMON = {
    "appname": APP_NAME,
    "w": "majority",
    "heartbeatFrequencyMS": 1000,
    "connectTimeoutMS": int(_CONNECT * 1000),
}
BY_STEP = {
    **_COMMON,
    "serverSelectionTimeoutMS": int(_SELECTION * 1000),
    "socketTimeoutMS": int(_SOCKET * 1000),
}
#: Each step has its limit, and an operation is tried twice.
_STEPS_PROMISE = 2 * (_SELECTION + _CONNECT + _SOCKET)
_OPTIONS: dict[str, dict[str, Any]] = {
    "main": BY_STEP,
    "loop": {**_COMMON, "timeoutMS": int(_TIMEOUT * 1000), "maxPoolSize": 3},
    "tornado": {
        **BY_STEP,
        "serverMonitoringMode": "poll",
        "maxPoolSize": 3,
        "waitQueueTimeoutMS": int(_QUEUE * 1000),
    },
}
_PROMISES = {
    "main": _STEPS_PROMISE,
    "loop": _TIMEOUT,
    "tornado": _STEPS_PROMISE + 2 * _QUEUE,
}
_AT_A_TIME = 10


class Clients:
    """Makes the clients of a process, and closes them."""

    def __init__(self, plan: dict[str, Any], adapter: Motor, journal: Journal) -> None:
        self._plan = plan
        self._adapter = adapter
        self._journal = journal
        self._shared: Any = None

    async def warm_up(self, place: Place) -> list[asyncio.Task[None]]:
        """Use a client once: what the driver keeps for good is there then."""

        async def once() -> None:
            work, client = self._work(place)
            await client.admin.command("ping")
            await work.db.static.find_one()
            await settle(client.close())

        return [asyncio.create_task(once())]

    async def chaos(self, place: Place) -> list[asyncio.Task[None]]:
        """All kinds of work."""
        work, client = self._work(place)
        extra: list[Any] = []
        opened = [asyncio.Event(), asyncio.Event()]
        jobs = [
            streams.follow(work, name, event)
            for name, event in zip(("steady", "hurried"), opened, strict=True)
        ]
        following = [asyncio.create_task(job, name=f"follow {n}") for n, job in enumerate(jobs)]
        await asyncio.gather(*(event.wait() for event in opened))
        busy = [
            writing.write(work, "w0"),
            transfers.transfer(work, "t0"),
            reading.read(work, "r0"),
            causal.read_own_writes(work, "c0"),
        ]
        if place.name == "main":
            busy += [
                writing.write(work, "w1"),
                writing.write(work, "w2"),
                transfers.transfer(work, "t1"),
                reading.read(work, "r1"),
                tailing.log(work, "l0"),
                tailing.tail(work, "l0"),
            ]
            # The one that forked children use as well, so that it is in use at a fork.
            probed = self._shared
            if probed is None:
                probed = self._client(place, BY_STEP)
                extra.append(probed)
            sent = Sent()
            narrow, at_once = self._adapter.narrow(
                self._plan["uri"], {**BY_STEP, "event_listeners": [sent]}
            )
            busy.append(probe(work, probed))
            if narrow is not None:
                extra.append(narrow)
                busy.append(cancel_in_time(work, narrow, sent, at_once))
        if place.name in ("main", "tornado"):
            busy.append(files.store(work, "f0"))
        tasks = [asyncio.create_task(job, name=job.__qualname__) for job in busy]
        return [asyncio.create_task(self._in_order(work, tasks, following, [client, *extra]))]

    async def cancellations(self, place: Place) -> list[asyncio.Task[None]]:
        """Operations that are cancelled at random moments."""
        work, client = self._work(place)
        shared = numbers(self._plan["count"] // len(self._plan["places"]))
        tasks = [
            asyncio.create_task(cancel_often(work, f"x{n}", shared)) for n in range(_AT_A_TIME)
        ]
        return [asyncio.create_task(self._in_order(work, tasks, [], [client]))]

    async def forks(self, place: Place) -> list[asyncio.Task[None]]:
        """Some work, while another thread forks."""
        work, client = self._work(place)
        tasks = [asyncio.create_task(writing.write(work, "w0"))]
        if place.name == "main" and self._shared is not None:
            tasks.append(asyncio.create_task(probe(work, self._shared)))
        return [asyncio.create_task(self._in_order(work, tasks, [], [client]))]

    async def in_child(self, journal: Journal, number: int) -> None:
        """Some writes in a forked child: with the parent's client, where the driver allows it."""
        place = Place("fork", "asyncio", journal, self.forks)
        client = self._client(place, BY_STEP) if self._shared is None else self._shared
        work = self._made(place, client, _STEPS_PROMISE)
        for n in range(3):
            keys = [f"fork/{number}/{n}"]
            document = {"key": keys[0], "place": "fork"}
            await work.attempt(
                "insert", lambda document=document: work.db.inserts.insert_one(document), keys=keys
            )
        await settle(client.close())

    def share(self) -> None:
        """Make the client that parent and children use, for drivers that allow it."""
        if self._adapter.shares_clients:
            self._shared = self._adapter.client(self._plan["uri"], "asyncio", **BY_STEP)

    async def close_shared(self) -> None:
        """Close it."""
        if self._shared is not None:
            await settle(self._shared.close())

    async def _in_order(
        self,
        work: Work,
        tasks: list[asyncio.Task[None]],
        following: list[asyncio.Task[None]],
        clients: list[Any],
    ) -> None:
        try:
            await asyncio.gather(*tasks)
            document = {"key": f"end/{work.place}", "place": work.place}
            if following:
                # So that those who follow know that there is no more.
                await writing.insist(
                    work, "insert", lambda: self._mark(work, document), keys=[document["key"]]
                )
                await asyncio.gather(*following)
        finally:
            for task in (*tasks, *following):
                task.cancel()
            await asyncio.gather(*tasks, *following, return_exceptions=True)
            for client in clients:
                await settle(client.close())

    @staticmethod
    async def _mark(work: Work, document: dict[str, Any]) -> None:
        await work.db.inserts.update_one(
            {"key": document["key"]}, {"$setOnInsert": document}, upsert=True
        )

    def _work(self, place: Place) -> tuple[Work, Any]:
        client = self._client(place, _OPTIONS[place.name])
        return self._made(place, client, _PROMISES[place.name]), client

    def _made(self, place: Place, client: Any, promise: float) -> Work:
        rng = random.Random(f"{self._plan['seed']}/{place.name}")
        return Work(
            place.name,
            place.framework,
            self._adapter,
            client,
            client[self._plan["database"]],
            place.journal,
            rng,
            self._plan["pace"],
            promise,
            place.stopping,
        )

    def _client(self, place: Place, options: dict[str, Any], **more: Any) -> Any:
        return self._adapter.client(self._plan["uri"], place.framework, **options, **more)
