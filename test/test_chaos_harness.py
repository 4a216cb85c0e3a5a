"""What the chaos harness plans, and how its workers try an operation and write down its end."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.errors import AutoReconnect

from motor import accelerators
from support import start_python, wait_until

ROOT = Path(__file__).parent.parent
# The tests run on the installed Motor: the checkout comes last, for `benchmark` alone.
sys.path.append(str(ROOT))

from chaos.drivers import CANDIDATES, QUICK, chosen  # noqa: E402
from chaos.faketime import Clock, is_installed  # noqa: E402
from chaos.faults import FAILOVERS, FAULTS  # noqa: E402
from chaos.gaps import Gaps, Struck  # noqa: E402
from chaos.journals import lines  # noqa: E402
from chaos.options import parse  # noqa: E402
from chaos.report import faults, table, text  # noqa: E402
from chaos.results import Result  # noqa: E402
from chaos.run import planned  # noqa: E402
from chaos.schedule import Fault  # noqa: E402
from chaos.tally import Tally  # noqa: E402
from chaos.worker.adapters import Motor  # noqa: E402
from chaos.worker.journal import Journal  # noqa: E402
from chaos.worker.work import Work  # noqa: E402

# Plans ------------------------------------------------------------------------------------------


def test_full_run_has_every_fault_and_more_than_a_hundred() -> None:
    faults = planned(parse(["--seed", "1"]))
    assert len(faults) > 100
    assert {fault.name for fault in faults} == FAULTS.keys()
    assert {(fault.name, fault.who) for fault in faults} >= FAILOVERS


def test_quick_run_is_short_and_its_seed_repeats_it() -> None:
    faults = planned(parse(["--quick", "--seed", "1"]))
    assert faults == planned(parse(["--quick", "--seed", "1"]))
    assert faults[-1].at + faults[-1].seconds < 100.0


def test_faults_may_be_chosen() -> None:
    faults = planned(parse(["--fault", "kill", "--fault", "error 9"]))
    assert {fault.name.rpartition(" ")[0] or fault.name for fault in faults} == {
        "kill",
        "error 91",
        "error 9001",
    }
    assert planned(parse(["--fault", "none"])) == []


@pytest.mark.parametrize("goal", ["--cancellations", "--forks"])
def test_goals_of_their_own_have_no_faults(goal: str) -> None:
    options = parse([goal, "10"])
    assert (options.what, options.count) == (goal[2:], 10)
    assert planned(options) == []


def test_there_is_every_choice_of_accelerators(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = set()
    for candidate in CANDIDATES.values():
        if candidate.accelerators is not None:
            monkeypatch.setenv("MOTOR_ACCELERATORS", candidate.accelerators)
            choices.add(frozenset(accelerators.chosen()))
    names = accelerators.BY_DEFAULT
    asked_for = {frozenset(names) | {name} for name in accelerators.ON_REQUEST}
    single = {frozenset({name}) for name in names}
    assert choices == {frozenset(), frozenset(names)} | single | asked_for


def test_drivers_are_chosen_by_name() -> None:
    assert [candidate.name for candidate in chosen([*QUICK])] == [
        name for name in CANDIDATES if name in QUICK
    ]
    with pytest.raises(ValueError, match="no such driver: nope"):
        chosen(["nope"])


# Trying -----------------------------------------------------------------------------------------


class OneWay(random.Random):
    """Chooses the way that it is made with, and the longest time."""

    def __init__(self, way: str) -> None:
        super().__init__(1)
        self._way = way

    def choice(self, options: Any) -> Any:
        return self._way if self._way in options else 0.01


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal-main.jsonl")
    yield journal
    journal.close()


def work(journal: Journal, way: str) -> Work:
    return Work("main", "asyncio", Motor(), None, None, journal, OneWay(way), 0.0, 22.0)


async def _forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("way", "outcome"),
    [("cancel", "cancelled"), ("wait_for", "error"), ("asyncio.timeout", "error")],
)
async def test_attempt_that_is_given_up_is_written_down(
    journal: Journal, tmp_path: Path, way: str, outcome: str
) -> None:
    ended = await work(journal, way).attempt("insert", _forever, hurry=1.0, keys=["k"])
    assert not ended.known
    (told,) = lines(tmp_path)
    assert (told["way"], told["outcome"], told["keys"]) == (way, outcome, ["k"])
    assert told["promise"] < 1.0


async def test_attempt_keeps_the_result_and_the_error(journal: Journal, tmp_path: Path) -> None:
    async def answer() -> int:
        return 7

    async def fail() -> None:
        raise AutoReconnect("gone")

    trying = work(journal, "plain")
    assert (await trying.attempt("read", answer, hurry=0.0)).value == 7
    assert not (await trying.attempt("read", fail, hurry=0.0, tidies=True)).known
    ok, failed = lines(tmp_path)
    assert (ok["outcome"], ok["promise"]) == ("ok", 22.0)
    assert failed["error"] == {
        "class": "pymongo.errors.AutoReconnect",
        "documented": True,
        "text": "gone",
    }


async def test_attempt_by_timeout_of_pymongo_sets_its_deadline(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines: list[float] = []

    def timeout(seconds: float) -> Any:
        deadlines.append(seconds)
        return nullcontext()

    async def answer() -> int:
        return 7

    monkeypatch.setattr(pymongo, "timeout", timeout)
    ended = await work(journal, "pymongo.timeout").attempt("read", answer, hurry=1.0)
    assert ended.value == 7
    assert deadlines == [0.01]


async def test_attempt_ends_with_its_task(journal: Journal, tmp_path: Path) -> None:
    trying = work(journal, "cancel")
    task = asyncio.ensure_future(trying.attempt("insert", _forever, hurry=0.0, keys=["k"]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [*lines(tmp_path)]


def test_half_a_line_is_no_line(tmp_path: Path) -> None:
    path = tmp_path / "journal-main.jsonl"
    path.write_text(json.dumps({"kind": "gap"}) + '\n{"kind": "ga')
    assert [*lines(tmp_path)] == [{"kind": "gap"}]


# Clocks ---------------------------------------------------------------------------------------

_ASK = f"""
    import sys, time
    sys.path.append({str(Path(__file__).parent)!r})
    from chaos.worker import clock
    clock.sleep_beside_faketime()
    for line in sys.stdin:
        if line != "ask\\n":
            clock.set_forward(float(line))
        begun = time.monotonic()
        time.sleep(0.01)
        print(time.time(), time.monotonic() - begun, flush=True)
"""


def _later_by(process: Any, told: str) -> float:
    process.stdin.write(told + "\n")
    process.stdin.flush()
    wall, slept = map(float, process.stdout.readline().split())
    assert 0.01 <= slept < 1000
    return wall - time.time()


def test_clock_of_a_process_is_set_forward_by_itself() -> None:
    with start_python(_ASK) as process:
        assert abs(_later_by(process, "ask")) < 1000
        assert abs(_later_by(process, "3600") - 3600) < 1000
        assert abs(_later_by(process, "3600") - 7200) < 1000


def test_clock_of_a_process_is_set_forward_from_outside(tmp_path: Path) -> None:
    if not is_installed():
        pytest.skip("needs libfaketime: apt install faketime")
    clock = Clock(tmp_path / "clock")
    with start_python(_ASK, **clock.variables) as process:
        assert abs(_later_by(process, "ask")) < 1000
        for hours in (1, 2):
            clock.set_forward(3600)
            wait_until(lambda hours=hours: abs(_later_by(process, "ask") - hours * 3600) < 1000)


# The report -----------------------------------------------------------------------------------


def test_gaps_belong_to_the_failovers_that_they_overlap() -> None:
    gaps = Gaps()
    for begun, seconds in ((10.0, 3.0), (40.0, 9.0)):
        gaps.enter({"kind": "gap", "begun": begun, "seconds": seconds})
    kill, other = Fault(1.0, "kill", "primary", 2.0), Fault(1.0, "reset", "all", 2.0)
    struck = [Struck(kill, 11.0, 12.0), Struck(other, 40.0, 41.0), Struck(kill, 90.0, 91.0)]
    assert gaps.after_failovers(struck) == [3.0, 0.0]
    assert gaps.longest == 9.0


def test_report_shows_each_driver_and_what_was_found() -> None:
    results = [Result(CANDIDATES[name]) for name in ("motor", "pymongo")]
    results[0].findings["inserts lost"] = 3
    struck = [Struck(Fault(1.0, "kill", "primary", 2.0), 1.0, 2.0, "NoPrimary()")]
    shown = text(struck, results)
    assert "FOUND inserts lost: 3" in shown
    assert "motor" in shown
    assert "0 of 1 faults struck\n  not kill (primary): NoPrimary()" in faults(struck)


def test_table_is_of_all_runs_of_a_tally(tmp_path: Path) -> None:
    motor, probe = (Result(CANDIDATES[name]) for name in ("motor", "pymongo"))
    motor.findings["inserts lost"] = 3
    kill = Struck(Fault(1.0, "kill", "primary", 2.0), 1.0, 2.0)
    missed = Struck(Fault(1.0, "kill", "primary", 2.0), 1.0, 2.0, "NoPrimary()")
    for seconds in (2.0, 9.0):
        motor.gaps = Gaps()
        motor.gaps.enter({"kind": "gap", "begun": 1.5, "seconds": seconds})
        tally = Tally(tmp_path / "tally.json")
        tally.add([kill, missed], [motor, probe])
    assert (tally.faults, len(tally.runs)) == (2, 2)
    shown = table(tally.runs, {"motor": "Motor", "pymongo": "PyMongo"}).splitlines()
    cells = {
        line.removeprefix("   * - "): [
            cell.removeprefix("     -").strip() for cell in shown[n:][1:3]
        ]
        for n, line in enumerate(shown)
        if line.startswith("   * - ")
    }
    assert cells["acknowledged, and lost"] == ["6", ""]
    assert cells["longest time without an answer (s)"] == ["9.0", "0.0"]
    assert cells["after a failover: median (s)"] == ["5.5", "0.0"]
    assert cells["threads and descriptors left"] == ["?", ""]
    assert "memory grows by (MB an hour)" not in cells, "no run was long enough to tell"


# Ends -----------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_worker_dies_with_the_harness_even_when_it_is_stopped() -> None:
    code = """
        import os, signal, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
        child.stdout.readline()
        os.kill(child.pid, signal.SIGSTOP)
        print(child.pid, flush=True)
        sys.stdin.read()
    """
    path = str(Path(__file__).parent)
    child = (
        f"import sys, time; sys.path.append({path!r})\n"
        "from chaos.worker.lifetime import die_with_parent\n"
        "die_with_parent(); print(1, flush=True); time.sleep(100)"
    )
    with start_python(code, child) as harness:
        assert harness.stdout is not None
        pid = int(harness.stdout.readline())
        harness.send_signal(signal.SIGKILL)
        harness.wait()
    wait_until(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
