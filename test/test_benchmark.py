"""The benchmark's own logic. No test here asserts how fast anything is."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
import pytest

import motor

ROOT = Path(__file__).parent.parent
# The tests run on the installed Motor: the checkout comes last, for `benchmark` alone.
sys.path.append(str(ROOT))

from benchmark import cases, drivers, proxy, servers  # noqa: E402
from benchmark.__main__ import main  # noqa: E402
from benchmark.cases import CASES, Case, select  # noqa: E402
from benchmark.dataset import large_document, small_document  # noqa: E402
from benchmark.environments import Environments, NoPython, find_python  # noqa: E402
from benchmark.floors import FLOORS, judge  # noqa: E402
from benchmark.processes import Worker, WorkerFailed  # noqa: E402
from benchmark.ratios import pairwise, percentile, rotated, spread  # noqa: E402
from benchmark.report import floors_table, tables, to_markdown, to_rst  # noqa: E402
from benchmark.runner import Outcome, Runner  # noqa: E402
from benchmark.summary import Summary, summarize  # noqa: E402
from benchmark.tables import Table  # noqa: E402
from benchmark.worker.heartbeat import Heartbeat, delay_percentile  # noqa: E402

# Statistics ---------------------------------------------------------------------------------


def test_spread_has_median_quartiles_and_extremes() -> None:
    found = spread([5.0, 1.0, 3.0, 2.0, 4.0])
    assert (found.minimum, found.low, found.median, found.high, found.maximum) == (1, 2, 3, 4, 5)


def test_spread_of_one_value_is_that_value() -> None:
    found = spread([7.0])
    assert {found.median, found.low, found.high, found.minimum, found.maximum} == {7.0}


def test_pairwise_compares_neighbours_in_time_only() -> None:
    # The machine was half as fast in the second round, for both.
    found = pairwise([200.0, 100.0, 200.0], [100.0, 50.0, 100.0])
    assert found == spread([2.0])


def test_pairwise_refuses_rounds_without_a_partner() -> None:
    with pytest.raises(ValueError, match="shorter"):
        pairwise([1.0, 2.0], [1.0])


def test_rotated_begins_with_everybody_in_turn() -> None:
    orders = [rotated(["a", "b", "c"], number) for number in range(4)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([], 0.5)) == (50, 99, 0)


def test_delay_percentile_counts_a_stall_by_its_length() -> None:
    # A callback that comes at any time in the second has a chance of 1 % to wait above 0.09 s.
    assert delay_percentile([0.1, *[0.0] * 900], 1.0, 0.99) == pytest.approx(0.09)
    assert delay_percentile([0.0] * 1000, 1.0, 0.99) == 0


async def test_heartbeat_notices_a_loop_that_stands_still() -> None:
    heartbeat = Heartbeat()
    await asyncio.sleep(0.01)
    time.sleep(0.1)
    # Without a beat in between: what the loop has not come to yet counts as well.
    assert heartbeat.stop()["longest"] >= 0.09


# Cases and floors ---------------------------------------------------------------------------


def test_quick_mode_is_a_part_of_all_cases() -> None:
    quick, every = select(None, True), select(None, False)
    assert 0 < len(quick) < len(every) == len(CASES)


def test_select_takes_patterns() -> None:
    assert [case.name for case in select(["small/ping/1*0"], False)] == [
        "small/ping/10",
        "small/ping/100",
        "small/ping/1000",
    ]
    with pytest.raises(ValueError, match="no case matches 'smal/"):
        select(["small/*", "smal/*"], False)


@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: floor.title)
def test_every_floor_is_measured_by_a_case_with_the_peer(floor: Any) -> None:
    covered = [case for case in CASES.values() if floor.covers(case.name)]
    assert covered
    for case in covered:
        assert set(floor.limits) <= set(case.drivers)
        assert floor.measure != "stall" or case.beats_for(False)


def test_documents_have_their_sizes() -> None:
    assert len(bson.encode({"_id": 99_999} | small_document(99_999))) in range(110, 140)
    assert len(bson.encode({"_id": 99_999} | large_document(99_999))) in range(3900, 4200)


def test_unknown_drivers_are_refused() -> None:
    with pytest.raises(ValueError, match="no such driver: mongoengine"):
        drivers.chosen(["mongoengine"])


def test_another_checkout_is_a_driver_of_its_own(tmp_path: Path) -> None:
    found = drivers.chosen([drivers.MOTOR], tmp_path)
    assert [driver.checkout for driver in found.values()] == [ROOT, tmp_path]
    assert len({driver.environment for driver in found.values()}) == 2


def test_missing_python_is_told() -> None:
    with pytest.raises(NoPython, match=r"'1\.5'"):
        find_python("1.5")


# Summaries and reports ----------------------------------------------------------------------


def a_round(seconds: float, stall: float | None = None, **more: Any) -> dict[str, Any]:
    taken = {"amount": 100, "seconds": seconds, "cpu": seconds / 2, "threads": 3}
    beat = {} if stall is None else {"stall": {"longest": stall, "p99": stall / 2}}
    return taken | {"peak": 50.0, "base": 40.0} | beat | more


@pytest.fixture
def summaries() -> list[Summary]:
    def outcome(name: str, ours: float, theirs: float) -> Summary:
        peers = (drivers.PYMONGO_ASYNC, drivers.MOTOR_3)
        rounds = {drivers.MOTOR: [a_round(ours)] * 3}
        rounds |= {peer: [a_round(theirs)] * 3 for peer in peers}
        beats = {drivers.MOTOR: [a_round(ours, 0.004), a_round(ours, 0.02), a_round(ours, 0.006)]}
        found = Outcome(CASES[name], rounds, beats, connections={drivers.MOTOR: 7})
        return summarize(found)

    return [
        outcome("small/find_one/1", 0.1, 0.12),
        outcome("read/small/async_for/default/idle", 0.1, 0.2),
    ]


def test_summary_has_ratios_and_units(summaries: list[Summary]) -> None:
    figures = summaries[0].figures[drivers.MOTOR]
    assert figures.result.median == pytest.approx(1000)
    assert figures.cpu == pytest.approx(500)
    assert (figures.stall, figures.stall_worst) == (pytest.approx(6), pytest.approx(20))
    assert figures.connections == 7
    assert summaries[0].ratios[drivers.MOTOR_3].median == pytest.approx(1.2)


def test_floors_hold_or_fail_by_what_was_measured(summaries: list[Summary]) -> None:
    verdicts = {(v.floor.title, v.peer): v for v in judge(summaries)}
    small = "small operations, 1 task"
    assert verdicts[small, drivers.PYMONGO_ASYNC].holds is True
    assert verdicts[small, drivers.MOTOR_3].failed == ["small/find_one/1"]
    assert verdicts["longest loop stall, reading", drivers.MOTOR].holds is True
    assert verdicts["small operations, 10 tasks", drivers.MOTOR_3].holds is None


def test_reports_show_every_case_and_what_is_missing(summaries: list[Summary]) -> None:
    meta = dict.fromkeys(
        ("date", "machine", "load", "python", "loop", "quick", "mongodb", "topology"), "x"
    ) | {"drivers": {drivers.MOTOR: {"packages": {"motor": "4.0"}}}}
    missing = summarize(Outcome(CASES["gridfs/upload"], left_out={"motor": "needs GridFS"}))
    verdicts = list(judge(summaries))
    text = to_markdown(meta, [*summaries, missing], verdicts)
    assert "| `small/find_one/1` | 1,000 |" in text
    assert "1.20× (1.20–1.20)" in text  # noqa: RUF001
    assert "gridfs/upload: motor: needs GridFS" in text
    assert "FAILS" in text
    for table in (*tables(summaries), floors_table(verdicts)):
        assert table.to_rst() in to_rst(meta, summaries, verdicts)


def test_tables_escape_what_their_format_reserves() -> None:
    table = Table("a `b`", ["x", "y"], [["`p|q`", ""]])
    assert table.to_markdown().splitlines()[2:] == ["| x | y |", "| --- | --- |", "| `p\\|q` |  |"]
    assert table.to_rst().splitlines()[0] == ".. list-table:: a ``b``"
    assert table.to_rst().splitlines()[-2:] == ["   * - ``p|q``", "     -"]


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
            await asyncio.wait_for(reader.readexactly(1), 10)
        writer.close()
    finally:
        front.close()


def test_route_through_the_proxy_cannot_be_left() -> None:
    uri = servers.through("mongodb://me:pw@db.example:27017,b:1/?replicaSet=rs0&w=1", 999)
    assert uri == "mongodb://me:pw@127.0.0.1:999/?w=1&directConnection=true"


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
def test_runner_runs_a_case(name: str, server: servers.Server, tmp_path: Path) -> None:
    params = {"operation": "insert_one", "tasks": 4, "count": 20}
    case = Case("small/insert_one/4", "small", params, rounds=(3, 2), beats=(2, 1))
    runner = Runner(
        drivers.chosen([name]), TheseTests(tmp_path), server, quick=True, say=lambda text: None
    )
    assert "pymongo" in runner.describe()[name]["packages"]
    (outcome,) = runner.run([case])
    assert outcome.left_out == {}
    assert [taken["amount"] for taken in outcome.rounds[name]] == [20, 20]
    assert outcome.connections[name]
    assert ("stall" in outcome.beats[name][0]) == (name == drivers.MOTOR)
    json.dumps(summarize(outcome).to_json())
    assert server.database.list_collection_names() == []


def test_case_that_cannot_be_reached_is_left_out(server: servers.Server, tmp_path: Path) -> None:
    runner = Runner({}, TheseTests(tmp_path), server, say=lambda text: None)
    (outcome,) = runner.run([CASES["small-tls/ping/1"]])
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


def test_command_line_tells_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--case", "nothing"]) == 2
    assert "no case matches 'nothing'" in capsys.readouterr().err
