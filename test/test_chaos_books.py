"""The chaos harness's books find errors, and report nothing if there are none."""

from __future__ import annotations

import random
from typing import Any

import gridfs
import pytest
from chaos import setting
from chaos.books import Books
from chaos.errors import SLACK, Errors, signature
from chaos.memory import Memory
from chaos.schedule import schedule

DIGEST_OF_X = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


@pytest.fixture
def database(sync_client: Any, db_name: str) -> Any:
    setting.prepare(sync_client, db_name, members=1)
    return sync_client[db_name]


def line(kind: str, outcome: str = "ok", **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "outcome": outcome, "place": "main", "at": 0.0, **fields}


@pytest.fixture
def books(database: Any) -> Books:
    """Books of some work, which balance."""
    database.inserts.insert_many([{"key": f"main/w/{n}", "place": "main"} for n in range(3)])
    database.inserts.update_one({"_id": "c0"}, {"$push": {"by": {"$each": ["b1", "b1"]}}})
    database.counters.update_one({"_id": "c1"}, {"$inc": {"n": 5}})
    database.accounts.update_one({"_id": 1}, {"$inc": {"balance": -7}})
    database.accounts.update_one({"_id": 2}, {"$inc": {"balance": 7}})
    database.transfers.insert_one({"key": "t1", "from": 1, "to": 2, "amount": 7})
    gridfs.GridFSBucket(database).upload_from_stream_with_id("f1", "name", b"x")
    database.log.insert_many([{"_id": 1}, {"_id": 2}])
    books = Books()
    for entry in (
        line("insert", keys=["main/w/0", "main/w/1"]),
        line("insert", "error", keys=["main/w/2", "main/w/3"]),
        line("insert", keys=[], bulk="b1"),
        line("insert", "cancelled", keys=[], bulk="b2"),
        line("increment", counter="counters/c1", by=3),
        line("increment", "error", counter="counters/c1", by=2),
        line("ticket taken", ticket="c0/1"),
        line("transfer", keys=["t1"]),
        line("transfer", "error", keys=["t2"]),
        line("upload", keys=["f1"], digest=DIGEST_OF_X),
        line("unsent", "cancelled", keys=["main/unsent/1"]),
        *(line("event", stream="main/steady", key=f"main/w/{n}", token=f"{n}") for n in (0, 1, 2)),
        line("tailed", number=1),
        line("tailed", number=2),
    ):
        books.enter(entry)
    return books


def test_books_balance_where_all_is_well(books: Books, database: Any) -> None:
    assert not books.balance(database)
    assert (books.acknowledged, books.in_doubt, books.unsent) == (4, 4, 1)


def _copy(database: Any) -> None:
    database.inserts.insert_one({"key": "main/w/0", "place": "main"})


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (lambda d: d.inserts.delete_one({"key": "main/w/1"}), "inserts lost"),
        (_copy, "inserts doubled"),
        (lambda d: d.inserts.insert_one({"key": "main/w/9"}), "inserts unexplained"),
        (lambda d: d.inserts.insert_one({"key": "main/unsent/1"}), "sent after cancellation"),
        (lambda d: d.inserts.update_one({"_id": "c0"}, {"$pop": {"by": 1}}), "bulk updates lost"),
        (lambda d: d.inserts.update_one({"_id": "c0"}, {"$push": {"by": "b1"}}), "bulk updates d"),
        (lambda d: d.counters.update_one({"_id": "c1"}, {"$set": {"n": 2}}), "increments lost"),
        (lambda d: d.counters.update_one({"_id": "c1"}, {"$set": {"n": 6}}), "increments doubled"),
        (lambda d: d.accounts.update_one({"_id": 2}, {"$inc": {"balance": 1}}), "accounts out of"),
        (lambda d: d.transfers.delete_one({"key": "t1"}), "transfers lost"),
        (lambda d: d["fs.files"].delete_one({"_id": "f1"}), "files lost"),
        (lambda d: d["fs.chunks"].delete_one({"files_id": "f1"}), "files torn"),
        (lambda d: d["fs.chunks"].update_one({}, {"$set": {"data": b"y"}}), "files changed"),
        (lambda d: d.log.insert_one({"_id": 3}), "tailed missed"),
    ],
)
def test_books_find_what_is_wrong_with_the_database(
    books: Books, database: Any, harm: Any, found: str
) -> None:
    harm(database)
    assert any(name.startswith(found) for name in books.balance(database))


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (line("event", stream="main/steady", key="main/w/2", token="3"), "events doubled"),
        (line("event", stream="main/steady", key="main/w/2", token="1"), "events out of order"),
        (line("event", stream="main/steady", key="main/w/7", token="4"), "events unexplained"),
        (line("event", stream="main/hurried", key="main/w/0", token="4"), "events of hurried rea"),
        (line("ticket taken", ticket="c0/1"), "tickets given twice"),
        (line("tailed", number=2), "tailed doubled"),
        (line("tailed", number=0), "tailed out of order"),
        (line("wrong read", by="x"), "wrong read"),
        (line("went back"), "went back"),
        (line("wrong file"), "wrong file"),
    ],
)
def test_books_find_what_is_wrong_with_what_was_read(
    books: Books, database: Any, entry: dict[str, Any], found: str
) -> None:
    books.enter(entry)
    assert any(name.startswith(found) for name in books.balance(database))


# Errors ---------------------------------------------------------------------------------------


def failed(text: str = "", name: str = "pymongo.errors.AutoReconnect", **fields: Any) -> Any:
    error = {"class": name, "documented": name.startswith("pymongo"), "text": text}
    return line("insert", "error", error=error, seconds=1.0, promise=2.0, **fields)


def test_documented_error_in_time_is_no_finding() -> None:
    errors = Errors()
    errors.enter(failed("127.0.0.1:27017: connection closed"))
    assert not errors.findings()
    assert (errors.attempts, errors.kinds.total()) == (1, 1)


def test_errors_of_python_are_not_documented() -> None:
    errors = Errors()
    errors.enter(failed("'NoneType' object has no attribute", "builtins.AttributeError"))
    assert errors.findings() == {"undocumented errors": 1}


def test_errors_that_tell_what_is_not_so_are_counted() -> None:
    errors = Errors()
    errors.enter(failed("Sessions are not supported by this MongoDB deployment"))
    errors.enter(failed("Cannot run getMore on cursor 12, which was created in session"))
    assert errors.strange.total() == 2


def test_errors_of_the_network_are_counted() -> None:
    errors = Errors()
    errors.enter(failed("connection closed"))
    errors.enter(failed("timed out", "pymongo.errors.NetworkTimeout"))
    errors.enter(failed("E11000", "pymongo.errors.DuplicateKeyError"))
    assert errors.network == 2


def test_time_in_which_the_loop_stood_still_is_not_the_drivers() -> None:
    errors = Errors()
    slow = line("insert", seconds=10.0, promise=2.0) | {"at": 20.0}
    errors.enter(slow)
    assert errors.findings() == {"late": 1}
    errors.enter(line("stall", begun=5.0, seconds=10.0))
    assert errors.findings() == {"late": 1}
    errors.enter(line("stall", begun=15.0, seconds=4.0 - SLACK + 1.0))
    assert not errors.findings()


def test_what_fails_beside_the_operations_is_found() -> None:
    errors = Errors()
    for kind in ("never ended", "job failed", "loop error"):
        errors.enter({"kind": kind, "error": "shown"})
    errors.enter({"kind": "fork", "code": -9, "number": 1})
    assert errors.findings().total() == 4


def test_errors_that_differ_in_numbers_alone_have_one_signature() -> None:
    one = {"class": "pymongo.errors.X", "code": 5, "text": "cursor id 123456789 not found"}
    assert signature(one) == signature({**one, "text": "cursor id 987654321 not found"})
    assert signature(one) != signature({**one, "code": 6})


# Memory and the schedule ------------------------------------------------------------------------


def test_memory_grows_by_the_slope_of_a_line() -> None:
    memory = Memory()
    for n in range(100):
        memory.enter({"kind": "memory", "at": 36.0 * n, "kilobytes": 1024 * n})
    assert memory.megabytes_an_hour() == pytest.approx(100.0)
    assert memory.growth == pytest.approx(100.0)


def test_short_run_says_nothing_of_memory() -> None:
    memory = Memory()
    memory.enter({"kind": "memory", "at": 1.0, "kilobytes": 1024})
    assert memory.growth is None


FAULTS: Any = {
    "kill": (None, ("primary", "secondary")),
    **{f"error {n} Name": (None, ("all",)) for n in range(20)},
}


def test_one_seed_repeats_a_schedule() -> None:
    seed = random.randrange(10**6)
    assert schedule(seed, 500.0, FAULTS, 2.0) == schedule(seed, 500.0, FAULTS, 2.0)
    assert schedule(1, 500.0, FAULTS, 2.0) != schedule(2, 500.0, FAULTS, 2.0)


def test_schedule_keeps_its_time_and_turns() -> None:
    planned = schedule(3, 500.0, FAULTS, 2.0)
    assert max(fault.at + fault.seconds for fault in planned) <= 500.0
    assert [fault.at for fault in planned] == sorted(fault.at for fault in planned)
    # A turn: one kill of each, and three of the twenty errors.
    for begin in range(0, len(planned) - 4, 5):
        turn = [(fault.name.split()[0], fault.who) for fault in planned[begin : begin + 5]]
        assert sorted(turn) == [
            *[("error", "all")] * 3,
            ("kill", "primary"),
            ("kill", "secondary"),
        ]
    assert {fault.name for fault in planned} == FAULTS.keys()
