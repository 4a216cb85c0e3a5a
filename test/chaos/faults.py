"""Faults of servers, connections and clients: each has a name and a context manager."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from chaos.fail_points import (
    COMMANDS,
    COMMANDS_BEFORE_THE_END,
    NOT_RETRYABLE,
    RETRYABLE,
    WRITE_CONCERN,
    failing,
)
from chaos.network import Network
from chaos.processes import Worker
from chaos.proxy import Proxy
from chaos.replica_set import ReplicaSet
from chaos.schedule import Fault


@dataclass
class World:
    """The servers, connections and clients of a run."""

    replica_set: ReplicaSet
    network: Network
    workers: list[Worker]

    def victims(self, who: str) -> list[int]:
        """The numbers of the members that `primary`, `secondary` or `all` stands for now."""
        if who == "all":
            return self.replica_set.numbers
        if who == "primary":
            return [self.replica_set.primary()]
        return self.replica_set.secondaries()[:1]


Harm = Callable[[World, Fault], AbstractContextManager[None]]


# Members -----------------------------------------------------------------------------------


@contextmanager
def _kill(world: World, fault: Fault) -> Iterator[None]:
    victims = world.victims(fault.who)
    for number in victims:
        world.replica_set.kill(number)
    try:
        yield
    finally:
        for number in victims:
            world.replica_set.restart(number)


@contextmanager
def _stop(world: World, fault: Fault) -> Iterator[None]:
    victims = world.victims(fault.who)
    for number in victims:
        world.replica_set.stop(number)
    try:
        yield
    finally:
        for number in victims:
            world.replica_set.go_on(number)


@contextmanager
def _step_down(world: World, fault: Fault) -> Iterator[None]:
    world.replica_set.step_down(world.replica_set.primary(), max(1, round(fault.seconds)))
    yield


@contextmanager
def _restart_all(world: World, fault: Fault) -> Iterator[None]:
    for number in world.replica_set.numbers:
        world.replica_set.end(number)
    try:
        yield
    finally:
        for number in world.replica_set.numbers:
            world.replica_set.restart(number)


@contextmanager
def _no_winner(world: World, fault: Fault) -> Iterator[None]:
    primary = world.replica_set.primary()
    others = [number for number in world.replica_set.numbers if number != primary]
    for number in others:
        world.replica_set.freeze(number, 60)
    try:
        world.replica_set.step_down(primary, 60)
        yield
    finally:
        for number in world.replica_set.numbers:
            world.replica_set.freeze(number, 0)


@contextmanager
def _no_memory(world: World, fault: Fault) -> Iterator[None]:
    (victim,) = world.victims(fault.who)
    world.replica_set.limit_memory(victim)
    try:
        # All clients need new connections, and get none.
        world.network.each([victim], Proxy.reset)
        yield
    finally:
        world.replica_set.unlimit_memory(victim)


# Connections -------------------------------------------------------------------------------


@contextmanager
def _proxies(do: Callable[[Proxy], object], world: World, fault: Fault) -> Iterator[None]:
    world.network.each(world.victims(fault.who), do)
    try:
        yield
    finally:
        world.network.heal()


def _refuse(proxy: Proxy) -> None:
    proxy.refuse()
    proxy.reset()


def _delay(proxy: Proxy) -> None:
    proxy.behaviour.delay = 0.05
    proxy.behaviour.jitter = 0.2


def _trickle(proxy: Proxy) -> None:
    proxy.behaviour.piece = 7


# Commands ----------------------------------------------------------------------------------


def _error(code: int, world: World, fault: Fault) -> AbstractContextManager[None]:
    commands = COMMANDS if code in RETRYABLE else COMMANDS_BEFORE_THE_END
    return failing(world.replica_set, 0.5, {"failCommands": commands, "errorCode": code})


def _write_concern_error(code: int, world: World, fault: Fault) -> AbstractContextManager[None]:
    error = {"code": code, "errmsg": "made by the harness"}
    commands = ["insert", "update", "findAndModify", "commitTransaction"]
    data = {"failCommands": commands, "writeConcernError": error}
    return failing(world.replica_set, 0.5, data)


def _close_connection(world: World, fault: Fault) -> AbstractContextManager[None]:
    return failing(world.replica_set, 0.3, {"closeConnection": True})


def _block(milliseconds: int, world: World, fault: Fault) -> AbstractContextManager[None]:
    data = {"blockConnection": True, "blockTimeMS": milliseconds}
    return failing(world.replica_set, 0.5, data)


# Clients -----------------------------------------------------------------------------------


@contextmanager
def _stop_clients(world: World, fault: Fault) -> Iterator[None]:
    for worker in world.workers:
        worker.stop()
    try:
        yield
    finally:
        for worker in world.workers:
            worker.go_on()


@contextmanager
def _clock(world: World, fault: Fault) -> Iterator[None]:
    for worker in world.workers:
        worker.set_clock(3600)
    yield


def _all() -> dict[str, tuple[Harm, tuple[str, ...]]]:
    members = ("primary", "secondary")
    everywhere = (*members, "all")
    found: dict[str, tuple[Harm, tuple[str, ...]]] = {
        "kill": (_kill, members),
        "stop": (_stop, members),
        "step down": (_step_down, ("primary",)),
        "restart": (_restart_all, ("all",)),
        "no winner": (_no_winner, ("all",)),
        "no memory": (_no_memory, members),
        "close connection": (_close_connection, ("all",)),
        "block": (partial(_block, 700), ("all",)),
        # Longer than the clients with three connections wait for one of them.
        "full pool": (partial(_block, 2500), ("all",)),
        "stop clients": (_stop_clients, ("all",)),
        "clock forward": (_clock, ("all",)),
    }
    network = {
        "reset": Proxy.reset,
        "silence": Proxy.silence,
        "cut": Proxy.cut,
        "garble": Proxy.garble,
        "refuse": _refuse,
        "delay": _delay,
        "trickle": _trickle,
    }
    for name, do in network.items():
        found[name] = partial(_proxies, do), everywhere
    for code, name in (RETRYABLE | NOT_RETRYABLE).items():
        found[f"error {code} {name}"] = partial(_error, code), ("all",)
    for code, name in WRITE_CONCERN.items():
        found[f"write concern error {code} {name}"] = partial(_write_concern_error, code), ("all",)
    return found


#: Each fault's name, its function, and its possible targets.
FAULTS = _all()

#: After these a new primary has to be found.
FAILOVERS = {
    ("kill", "primary"),
    ("stop", "primary"),
    ("step down", "primary"),
    ("restart", "all"),
    ("refuse", "primary"),
    ("no memory", "primary"),
}


def strike(world: World, fault: Fault) -> None:
    """Do one fault for its time, and undo it."""
    harm, _ = FAULTS[fault.name]
    with harm(world, fault):
        time.sleep(fault.seconds)
