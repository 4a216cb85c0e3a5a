"""The benchmark's own logic. No test here asserts how fast anything is."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import bson
import pytest

ROOT = Path(__file__).parent.parent
# The tests run on the installed Motor: the checkout comes last, for `benchmark` alone.
sys.path.append(str(ROOT))

from benchmark import drivers, floors, page, results  # noqa: E402
from benchmark.__main__ import main  # noqa: E402
from benchmark.cases import CASES, select  # noqa: E402
from benchmark.dataset import large_document, small_document  # noqa: E402
from benchmark.environments import NoPython, find_python  # noqa: E402
from benchmark.floors import FLOORS, Floor, judge  # noqa: E402
from benchmark.mechanisms import MECHANISMS  # noqa: E402
from benchmark.progress import Progress  # noqa: E402
from benchmark.ratios import pairwise, percentile, rotated, spread  # noqa: E402
from benchmark.report import floors_table, tables, to_markdown, to_rst  # noqa: E402
from benchmark.runner import Outcome  # noqa: E402
from benchmark.setups import Setup  # noqa: E402
from benchmark.summary import Summary, labels, summarize  # noqa: E402
from benchmark.tables import Table  # noqa: E402
from benchmark.worker.heartbeat import Gap, Heartbeat, delay_percentile, stalls  # noqa: E402
from support import PATIENCE  # noqa: E402

ASYNCIO, UVLOOP = Setup("asyncio", "3.11.7"), Setup("uvloop", "3.13.0")

# Statistics ---------------------------------------------------------------------------------


def test_spread_has_median_quartiles_and_extremes() -> None:
    found = spread([5.0, 1.0, 3.0, 2.0, 4.0])
    assert (found.minimum, found.low, found.median, found.high, found.maximum) == (1, 2, 3, 4, 5)


def test_spread_of_one_value_is_that_value() -> None:
    found = spread([7.0])
    assert {found.median, found.low, found.high, found.minimum, found.maximum} == {7.0}


def test_spread_tells_how_processes_differ() -> None:
    found = spread([1.0, 2.0, 3.0, 7.0, 8.0, 9.0], [0, 0, 0, 1, 1, 1])
    assert (found.median, found.process_low, found.process_high) == (5, 2, 8)


def test_pairwise_compares_neighbours_in_time_only() -> None:
    # The machine was half as fast in the second round, for both.
    found = pairwise([200.0, 100.0, 200.0], [100.0, 50.0, 100.0])
    assert found == spread([2.0])


def test_pairwise_tells_how_processes_differ() -> None:
    found = pairwise([2.0, 0.0, 3.0, 3.0], [1.0, 0.0, 1.0, 1.0], [0, 0, 1, 1])
    assert found is not None
    assert (found.process_low, found.process_high) == (2, 3)


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


def test_processor_time_is_that_of_the_longest_stall() -> None:
    found = stalls([Gap(0.002, 0.001), Gap(0.101, 0.05), Gap(0.031, 0.09)])
    assert (found["longest"], found["longest_cpu"]) == pytest.approx((0.1, 0.05))


async def test_heartbeat_leaves_the_collector_alone() -> None:
    # A callback of the collector would be a place to hand the interpreter lock over.
    before = (gc.isenabled(), [*gc.callbacks])
    heartbeat = Heartbeat()
    await asyncio.sleep(0.005)
    assert (gc.isenabled(), [*gc.callbacks]) == before
    heartbeat.stop()
    assert (gc.isenabled(), [*gc.callbacks]) == before


# Cases and floors ---------------------------------------------------------------------------


def test_quick_mode_is_a_part_of_all_cases() -> None:
    quick, every = select(None, True), select(None, False)
    assert 0 < len(quick) < len(every) == len(CASES)


def test_main_cases_are_for_every_loop_and_python() -> None:
    everywhere = select(None, False, everywhere=True)
    assert 0 < len(everywhere) < len(CASES) / 2
    assert {case.group for case in everywhere} >= {"small", "read", "insert_many"}
    assert select(["small/*"], False, everywhere=True) == select(["small/*"], False)


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
        assert floor.measure != "stall" or case.full.beats


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


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_motor_works_without_any_of_its_mechanisms(mechanism: str, mongo_uri: str) -> None:
    # In a process of its own, as it stays off.
    code = f"""
import asyncio, sys
sys.path.append({str(ROOT)!r})
from benchmark.mechanisms import switch_off
switch_off({mechanism!r})
from motor.motor_asyncio import AsyncIOMotorClient
async def main():
    async with AsyncIOMotorClient({mongo_uri!r}) as client:
        collection = client[{drivers.WITHOUT + mechanism!r}]["numbers"]
        await collection.insert_many([{{"_id": n, "s": "x" * 100}} for n in range(3000)])
        found = collection.find(sort=[("_id", 1)], batch_size=1500)
        assert [document["_id"] async for document in found] == list(range(3000))
        assert len(await collection.find(batch_size=1500).to_list()) == 3000
        await client.drop_database(collection.database)
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


def test_each_mechanism_makes_a_driver() -> None:
    found = drivers.chosen([drivers.PYMONGO_ASYNC], without=["read-ahead", "sockets"])
    assert [driver.without for driver in found.values()] == [None, "read-ahead", "sockets"]
    assert [CASES["insert_many/small"].takes(name) for name in found] == [True] * 3
    assert {*found} <= {*drivers.titles()}


def test_missing_python_is_told() -> None:
    with pytest.raises(NoPython, match=r"'1\.5'"):
        find_python("1.5")


def test_python_may_be_given_by_its_path() -> None:
    assert find_python(sys.executable) == sys.executable
    with pytest.raises(NoPython, match="/no/python"):
        find_python("/no/python")


# Summaries and reports ----------------------------------------------------------------------


def a_round(seconds: float, stall: float | None = None, **more: Any) -> dict[str, Any]:
    taken = {"amount": 100, "seconds": seconds, "cpu": seconds / 2, "threads": 3}
    beat: dict[str, Any] = {}
    if stall is not None:
        beat = {"stall": {"longest": stall, "longest_cpu": stall * 0.75, "p99": stall / 2}}
    taken |= {"process": 0}
    return taken | {"peak": 50.0, "base": 40.0} | beat | more


def an_outcome(name: str, ours: float, theirs: float, setup: Setup = ASYNCIO) -> Outcome:
    """Two processes of each driver; Motor was a quarter slower in the second."""

    def rounds(seconds: float, second: float = 1.0) -> list[dict[str, Any]]:
        return [a_round(seconds)] * 2 + [a_round(seconds * second, process=1)] * 2

    found = Outcome(CASES[name], setup, connections={drivers.MOTOR: 7})
    found.rounds = {drivers.MOTOR: rounds(ours, 1.25)}
    peers = (drivers.PYMONGO_ASYNC, drivers.MOTOR_3, drivers.PYMONGO_SYNC)
    found.rounds |= {peer: rounds(theirs) for peer in peers}
    found.beats = {drivers.MOTOR: [a_round(ours, stall) for stall in (0.004, 0.02, 0.006)]}
    found.uncollected = {drivers.MOTOR: [a_round(ours, stall) for stall in (0.001, 0.002, 0.009)]}
    found.details = {drivers.PYMONGO_SYNC: [{"best_threads": 3}, {"best_threads": 4}]}
    return found


@pytest.fixture
def outcomes() -> list[Outcome]:
    return [
        an_outcome("small/find_one/1", 0.1, 0.135),
        an_outcome("read/small/async_for/default/idle", 0.1, 0.2),
    ]


@pytest.fixture
def summaries(outcomes: list[Outcome]) -> list[Summary]:
    return [summarize(outcome) for outcome in outcomes]


def a_meta(*setups: Setup) -> dict[str, Any]:
    parts = [
        {
            "setup": {"loop": setup.loop, "python": setup.python},
            "drivers": {"motor": {"packages": {"motor": "4.0"}}},
        }
        for setup in setups
    ]
    names = ("date", "machine", "load", "quick", "mongodb", "topology", "write_concern")
    return dict.fromkeys(names, "x") | {"parts": parts}


def test_summary_has_ratios_and_units(summaries: list[Summary]) -> None:
    figures = summaries[0].figures[drivers.MOTOR]
    assert figures.result.median == pytest.approx(900)
    assert figures.cpu == pytest.approx(562.5)
    assert figures.connections == 7
    found = summaries[0].ratios[drivers.MOTOR_3]
    assert found.median == pytest.approx(1.215)
    assert (found.process_low, found.process_high) == pytest.approx((1.08, 1.35))


def test_summary_tells_what_stalls_were_made_of(summaries: list[Summary]) -> None:
    stall = summaries[0].figures[drivers.MOTOR].stall
    assert stall is not None
    assert (stall.longest, stall.worst, stall.own) == pytest.approx((6, 20, 2))
    assert (stall.p99, stall.cpu) == pytest.approx((3, 4.5))
    assert summaries[0].figures[drivers.MOTOR_3].stall is None


def test_summary_tells_how_near_to_the_limit_each_comes(summaries: list[Summary]) -> None:
    limits = summaries[0].limits
    assert limits[drivers.MOTOR].median == pytest.approx(1.215)
    assert limits[drivers.MOTOR_3].median == pytest.approx(1)
    assert drivers.PYMONGO_SYNC not in limits
    assert summaries[0].figures[drivers.PYMONGO_SYNC].best_threads == 3.5


def test_labels_name_the_setup_where_there_are_several(outcomes: list[Outcome]) -> None:
    alone = summarize(outcomes[0])
    other = summarize(an_outcome("small/find_one/1", 0.1, 0.2, UVLOOP))
    assert labels([alone]) == ["small/find_one/1"]
    assert labels([alone, other]) == [
        "small/find_one/1 (asyncio, Python 3.11.7)",
        "small/find_one/1 (uvloop, Python 3.13.0)",
    ]


@pytest.fixture
def demanding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Floors of which one does not hold, whatever Motor's own are."""
    limits = {drivers.PYMONGO_ASYNC: 1.0, drivers.MOTOR_3: 1.3}
    one = Floor("small operations, 1 task", ("small/*/1",), "ratio", limits)
    ten = Floor("small operations, 10 tasks", ("small/*/10",), "ratio", limits)
    stall = Floor("longest loop stall, reading", ("read/*",), "stall", {drivers.MOTOR: 10.0})
    monkeypatch.setattr(floors, "FLOORS", (one, ten, stall))


@pytest.mark.usefixtures("demanding")
def test_floors_hold_or_fail_by_what_was_measured(summaries: list[Summary]) -> None:
    verdicts = {(v.floor.title, v.peer): v for v in judge(summaries)}
    small = "small operations, 1 task"
    assert verdicts[small, drivers.PYMONGO_ASYNC].holds is True
    assert verdicts[small, drivers.MOTOR_3].failed == ["small/find_one/1"]
    # 1.3 times as much as Motor 3.7.1 is more than the synchronous client does.
    assert verdicts[small, drivers.MOTOR_3].beyond == ["small/find_one/1"]
    assert verdicts["longest loop stall, reading", drivers.MOTOR].holds is True
    assert verdicts["small operations, 10 tasks", drivers.MOTOR_3].holds is None


@pytest.mark.usefixtures("demanding")
def test_reports_show_every_case_and_what_is_missing(summaries: list[Summary]) -> None:
    left = Outcome(CASES["gridfs/upload"], ASYNCIO, left_out={"motor": "needs GridFS"})
    summaries.append(summarize(left))
    verdicts = list(judge(summaries))
    text = to_markdown([a_meta(ASYNCIO)], summaries, verdicts)
    assert "| `small/find_one/1` | 900 |" in text
    assert "1.22× (1.08–1.35) [1.08–1.35]" in text  # noqa: RUF001
    assert "| `small/find_one/1` | 741 | 3.5 | 122 % [108–135] |" in text  # noqa: RUF001
    assert "| `small/find_one/1` | 6.0 (20.0), 2.0, 3.0, 4.5 |" in text
    assert "gridfs/upload: motor: needs GridFS" in text
    assert "FAILS" in text
    assert "1 of 1 cases fail, 1 of which ask for more than PyMongo sync does" in text
    rst = to_rst([a_meta(ASYNCIO)], summaries, verdicts)
    for table in (*tables(summaries), floors_table(verdicts)):
        assert table.to_rst() in rst


def test_one_table_shows_all_loops_and_pythons(outcomes: list[Outcome]) -> None:
    outcomes.append(an_outcome("small/find_one/1", 0.1, 0.1, UVLOOP))
    found = [summarize(outcome) for outcome in outcomes]
    text = to_markdown([a_meta(ASYNCIO, UVLOOP)], found, list(judge(found)))
    assert "| `small/find_one/1` | asyncio, Python 3.11.7 | 900 |" in text
    assert "| `small/find_one/1` | uvloop, Python 3.13.0 | 900 |" in text
    assert "(`small/find_one/1 (uvloop, Python 3.13.0)`)" in text


# Results that are kept ----------------------------------------------------------------------


def test_results_of_several_runs_are_put_together(outcomes: list[Outcome], tmp_path: Path) -> None:
    again = an_outcome("small/find_one/1", 0.05, 0.1)
    elsewhere = an_outcome("small/find_one/1", 0.1, 0.1, UVLOOP)
    results.write(results.Results([a_meta(ASYNCIO)], outcomes), tmp_path / "1")
    later = results.Results([a_meta(ASYNCIO, UVLOOP)], [again, elsewhere])
    report = results.write(later, tmp_path / "2")
    assert (tmp_path / "2" / "report.md").read_text() == report
    found = results.read([tmp_path / name / "results.json" for name in ("1", "2")])
    assert found.outcomes == [again, outcomes[1], elsewhere]
    assert len(found.metas) == 2


def test_page_fragment_is_made_of_earlier_results(
    outcomes: list[Outcome], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results.write(results.Results([a_meta(ASYNCIO)], outcomes), tmp_path)
    asked = [str(tmp_path / "results.json"), "--rst", str(tmp_path / "performance")]
    assert main([*asked, "--out", str(tmp_path / "out")]) == 0
    assert "small/find_one/1" in capsys.readouterr().out
    written = {path.name: path.read_text() for path in (tmp_path / "performance").iterdir()}
    assert ".. list-table:: small: results" in written["all.rst.inc"]
    assert "     - | 3.11: 1.22× [1.08" in written["table.rst.inc"]  # noqa: RUF001
    assert "PyMongo Async" in written["stalls.html"]


def test_page_shows_cases_that_there_are() -> None:
    assert {*page.ROWS, *page.STALLS} <= set(CASES)
    assert all(CASES[case].full.beats for case in page.STALLS)


def test_page_compares_the_newest_python_first(outcomes: list[Outcome]) -> None:
    newest = Setup("asyncio", "3.14.10")
    elsewhere = [an_outcome("small/find_one/1", 0.1, 0.1, setup) for setup in (newest, UVLOOP)]
    found = [summarize(outcome) for outcome in (*outcomes, *elsewhere)]
    table = page.table(found)
    assert [row[0] for row in table.rows] == [
        "`find_one`, 1 task",
        "100,000 small documents by `async for`",
    ]
    assert table.rows[0][1].splitlines() == [
        "| 3.14: 0.90× [0.80–1.00]",  # noqa: RUF001
        "| 3.11: 1.22× [1.08–1.35]",  # noqa: RUF001
    ]
    assert ".. list-table::\n   :header-rows: 1\n   :widths: 28 24 24 24\n\n" in table.to_rst()
    unbroken = "1.08\N{WORD JOINER}\N{EN DASH}\N{WORD JOINER}1.35"
    assert f"       | 3.11: 1.22× [{unbroken}]" in table.to_rst()  # noqa: RUF001


def test_page_shows_what_greenlets_gain() -> None:
    outcome = an_outcome("small/find_one/10", 0.1, 0.1)
    assert page.greenlets_table([summarize(outcome)]) is None
    count = len(outcome.rounds[drivers.MOTOR])
    outcome.rounds[drivers.MOTOR_GREENLETS] = [
        taken | {"seconds": 0.05} for taken in outcome.rounds[drivers.PYMONGO_ASYNC][:count]
    ]
    found = [summarize(outcome)]
    table = page.greenlets_table(found)
    assert table is not None
    ((label, to_motor, to_async),) = table.rows
    assert label == "`find_one`, 10 tasks"
    assert to_motor.startswith("| 3.11: 2.")
    assert to_async.startswith("| 3.11: 2.00")
    whole = page.table(found)
    assert [row[0] for row in whole.rows] == [label, "The same, Motor with greenlets"]
    assert whole.rows[1][1] == to_async


def test_page_on_greenlets_shows_cases_that_there_are() -> None:
    for start in page.GREENLETS:
        assert any(name == start or name.startswith(f"{start}/") for name in CASES)


def test_chart_says_in_words_what_it_shows(summaries: list[Summary]) -> None:
    chart = page.chart(summaries)
    assert chart.groups == [("100,000 documents by async for", [pytest.approx(6), None, None])]
    assert chart.description() == "100,000 documents by async for: Motor 6 milliseconds."
    root = ElementTree.fromstring(chart.to_html())
    texts = [element.text for element in root.iter() if element.text and element.text.strip()]
    assert chart.title in texts
    assert chart.description() in texts
    assert "6 ms" in texts


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"format": 1}'])
def test_results_in_another_form_are_refused(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    assert main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_progress_learns_how_long_cases_take() -> None:
    told: list[str] = []
    times = iter([0.0, 20.0, 200.0])
    progress = Progress([10.0, 10.0, 100.0], told.append, lambda: next(times))
    progress.done("a")
    progress.done("b")
    assert told == [
        "3 cases, which will take about 2 min",
        "[1/3] a: 20.0 s, 4 min left",
        "[2/3] b: 180.0 s, 17 min left",
    ]


def test_tables_escape_what_their_format_reserves() -> None:
    table = Table("a `b`", ["x", "y"], [["`p|q`", ""]])
    assert table.to_markdown().splitlines()[2:] == ["| x | y |", "| --- | --- |", "| `p\\|q` |  |"]
    assert table.to_rst().splitlines()[0] == ".. list-table:: a ``b``"
    assert table.to_rst().splitlines()[-2:] == ["   * - ``p|q``", "     -"]
