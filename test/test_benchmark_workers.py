"""The benchmark's proxy and its workers."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import motor

ROOT = Path(__file__).parent.parent
# The tests run on the installed Motor: the checkout comes last, for `benchmark` alone.
sys.path.append(str(ROOT))

from benchmark import cases, drivers, proxy, servers  # noqa: E402
from benchmark.__main__ import _pairs, main  # noqa: E402
from benchmark.cases import CASES, Case, Effort  # noqa: E402
from benchmark.environments import Environments  # noqa: E402
from benchmark.processes import Worker, WorkerFailed  # noqa: E402
from benchmark.runner import Runner  # noqa: E402
from benchmark.setups import Setup  # noqa: E402
from benchmark.summary import summarize  # noqa: E402
from benchmark.worker.__main__ import WORKLOADS  # noqa: E402
from benchmark.worker.__main__ import Worker as Answerer  # noqa: E402
from benchmark.worker.workload import Workload  # noqa: E402
from support import PATIENCE  # noqa: E402

ASYNCIO, UVLOOP = Setup("asyncio", "3.11.7"), Setup("uvloop", "3.13.0")

# The proxy and the routes -------------------------------------------------------------------


async def test_proxy_delays_both_ways_and_keeps_the_order() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    delay = 0.02
    behind = await asyncio.start_server(echo, "127.0.0.1", 0)
    front = await proxy.serve("127.0.0.1", behind.sockets[0].getsockname()[1], delay)
    try:
        address = front.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address)
        start = time.perf_counter()
        sent = b"".join(number.to_bytes(4, "big") for number in range(200_000))
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent
        assert time.perf_counter() - start >= 2 * delay
        writer.close()
        assert await reader.read() == b""
    finally:
        front.close()
        behind.close()


async def test_proxy_hangs_up_when_there_is_no_server() -> None:
    unused = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = unused.sockets[0].getsockname()[1]
    unused.close()
    await unused.wait_closed()
    front = await proxy.serve("127.0.0.1", port, 0.001)
    try:
        reader, writer = await asyncio.open_connection(*front.sockets[0].getsockname())
        writer.write(b"hello")
        with pytest.raises(asyncio.IncompleteReadError):
            await asyncio.wait_for(reader.readexactly(1), PATIENCE)
        writer.close()
    finally:
        front.close()


def test_route_through_the_proxy_cannot_be_left() -> None:
    uri = servers.through("mongodb://me:pw@db.example:27017,b:1/?replicaSet=rs0&w=1", 999)
    assert uri == "mongodb://me:pw@127.0.0.1:999/?w=1&directConnection=true"


def test_write_concern_of_the_users_own_is_kept() -> None:
    with_w = servers.with_write_concern("mongodb://a/?x=1", "majority")
    assert with_w == "mongodb://a/?x=1&w=majority"
    assert servers.with_write_concern("mongodb://a/?w=2", "1") == "mongodb://a/?w=2"


# Workers ------------------------------------------------------------------------------------


class TheseTests(Environments):
    """The Python that runs the tests, for every driver: nothing is installed."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, sys.executable)
        self.make([])

    def python_of(self, driver: drivers.Driver) -> str:
        return sys.executable

    def variables(self) -> dict[str, str]:
        variables = super().variables()
        tested = str(Path(motor.__file__).parent.parent)
        return variables | {"PYTHONPATH": f"{variables['PYTHONPATH']}{os.pathsep}{tested}"}


@pytest.fixture
def server(mongo_uri: str) -> Iterator[servers.Server]:
    found = servers.Server({cases.PLAIN: mongo_uri})
    yield found
    found.client.drop_database(servers.DATABASE)
    found.client.close()


@pytest.mark.parametrize("name", [drivers.MOTOR, drivers.PYMONGO_SYNC])
def test_runner_runs_a_case(
    name: str, server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, bool]] = []
    ask = Worker.ask

    def noted_ask(worker: Worker, do: str, **params: Any) -> dict[str, Any]:
        if do == "round":
            asked.append(params)
        return ask(worker, do, **params)

    monkeypatch.setattr(Worker, "ask", noted_ask)
    params = {"operation": "insert_one", "tasks": 4, "count": 20}
    case = Case("small/insert_one/4", "small", params, brief=Effort(2, 2, 1, warm_ups=1))
    runner = Runner(drivers.chosen([name]), TheseTests(tmp_path), server, quick=True)
    assert runner.estimate(case) > 0
    assert "pymongo" in runner.describe()[name]["packages"]
    outcome = runner.run(case)
    assert outcome.left_out == {}
    assert [taken["amount"] for taken in outcome.rounds[name]] == [20] * 4
    assert [taken["process"] for taken in outcome.rounds[name]] == [0, 0, 1, 1]
    for found in (outcome.beats, outcome.uncollected):
        assert [taken["process"] for taken in found[name]] == [0, 1]
        assert ("stall" in found[name][0]) == (name == drivers.MOTOR)
    beats = [{"heartbeat": True}, {"heartbeat": True, "collector": False}]
    assert asked == [*beats, *[{"heartbeat": False}] * 2] * 2
    assert len(outcome.details[name]) == 2
    assert outcome.connections[name]
    json.dumps(summarize(outcome).to_json())
    assert server.database.list_collection_names() == []


class Noting(Workload):
    """Notes whether the garbage collector is on while it runs, and fails if asked to."""

    async def open(self) -> dict[str, Any]:
        self.seen = self.params["seen"]
        return {}

    async def run_async(self) -> float:
        self.seen.append(gc.isenabled())
        if self.params["fails"]:
            raise RuntimeError("as asked")
        return 1


@pytest.mark.parametrize("fails", [False, True])
async def test_no_round_leaves_the_collector_off(
    fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WORKLOADS, "noting", Noting)
    worker, seen = Answerer("motor", "motor"), []
    params = {"seen": seen, "fails": fails}
    await worker.answer({"do": "open", "workload": "noting", "uri": "", "params": params})
    for collector in (True, False):
        asked = {"do": "round", "heartbeat": True, "collector": collector}
        assert ("error" in await worker.answer(asked)) == fails
        assert gc.isenabled()
    assert seen == [True, False]
    await worker.answer({"do": "close"})


@pytest.mark.parametrize("last", ["end", "close"])
async def test_no_round_of_another_process_leaves_the_collector_off(last: str) -> None:
    worker = Answerer("motor", "motor")
    await worker.answer({"do": "begin", "heartbeat": True, "collector": False})
    assert not gc.isenabled()
    assert "error" not in await worker.answer({"do": last})
    assert gc.isenabled()


def test_case_that_cannot_be_reached_is_left_out(server: servers.Server, tmp_path: Path) -> None:
    runner = Runner({}, TheseTests(tmp_path), server)
    outcome = runner.run(CASES["small-tls/ping/1"])
    assert "tls" in outcome.left_out["small-tls/ping/1"]


def test_failure_in_a_worker_is_told_with_its_traceback(mongo_uri: str, tmp_path: Path) -> None:
    driver = drivers.DRIVERS[drivers.MOTOR]
    with Worker(driver, TheseTests(tmp_path), "asyncio") as worker:
        params = {"operation": "find_one", "tasks": 1, "count": 1}
        with pytest.raises(WorkerFailed, match="InvalidURI"):
            worker.ask("open", workload="small", uri="nonsense://", params=params)


def test_command_line_lists_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--case", "handoff/*"]) == 0
    assert capsys.readouterr().out.split() == [f"handoff/{n}" for n in (1, 10, 100, 1000)]


def test_loops_and_pythons_are_each_varied_alone(tmp_path: Path) -> None:
    one, two = TheseTests(tmp_path), TheseTests(tmp_path)
    found = _pairs([one, two], ["asyncio", "uvloop", "asyncio"])
    assert found == [(one, "asyncio"), (one, "uvloop"), (two, "asyncio")]


def test_command_line_tells_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--case", "nothing"]) == 2
    assert "no case matches 'nothing'" in capsys.readouterr().err
