"""The books: the results that a worker got, compared with the database.

Each account takes lines of the journal, and finds differences.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import gridfs
from gridfs.errors import CorruptGridFile, NoFile

from chaos.journals import Line
from chaos.plan import BALANCE

#: What was found: how often, by what it is.
Findings = Counter[str]


class Account:
    """Things that exist once if acknowledged, and at most once if in doubt."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.acknowledged: set[str] = set()
        self.in_doubt: set[str] = set()
        #: Some of those that are not as they have to be.
        self.wrong: list[str] = []

    def enter(self, line: Line) -> None:
        """Take in a line that has keys."""
        (self.acknowledged if line["outcome"] == "ok" else self.in_doubt).update(line["keys"])

    def balance(self, present: Iterable[str]) -> Findings:
        """Compare it with the keys in the database."""
        counts = Counter(present)
        found = {
            "lost": self.acknowledged - counts.keys(),
            "doubled": {key for key, count in counts.items() if count > 1},
            "unexplained": counts.keys() - self.acknowledged - self.in_doubt,
        }
        self.wrong += [f"{what} {key}" for what, keys in found.items() for key in sorted(keys)[:5]]
        return Counter({f"{self._name} {what}": len(keys) for what, keys in found.items()})


class Counters:
    """Sums of increments, some of them in doubt."""

    def __init__(self) -> None:
        self._acknowledged: Counter[str] = Counter()
        self._in_doubt: Counter[str] = Counter()

    def enter(self, line: Line) -> None:
        """Take in a line with a counter."""
        known = self._acknowledged if line["outcome"] == "ok" else self._in_doubt
        known[line["counter"]] += line["by"]

    def balance(self, values: dict[str, int]) -> Findings:
        """Compare them with the values of the counters."""
        found: Findings = Counter()
        for name in self._acknowledged.keys() | self._in_doubt.keys():
            value, least = values.get(name, 0), self._acknowledged[name]
            if value < least:
                found["increments lost"] += least - value
            elif value > least + self._in_doubt[name]:
                found["increments doubled"] += value - least - self._in_doubt[name]
        return found


class Bulks:
    """Bulk writes, each of which marks its counter twice."""

    _MARKS = 2

    def __init__(self) -> None:
        self._outcomes: dict[str, Line] = {}
        #: Those that are not as they have to be, and how often their mark is there.
        self.wrong: dict[str, tuple[Line, int]] = {}

    def enter(self, line: Line) -> None:
        """Take in the line of a bulk write."""
        self._outcomes[line["bulk"]] = line

    def balance(self, marks: Iterable[str]) -> Findings:
        """Compare them with the marks in the database."""
        counts = Counter(marks)
        found: Findings = Counter()
        for key, line in self._outcomes.items():
            missing = self._MARKS - counts[key]
            if missing < 0 or (missing and line["outcome"] == "ok"):
                self.wrong[key] = line, counts[key]
                found["bulk updates " + ("lost" if missing > 0 else "doubled")] += abs(missing)
        return found


class Streams:
    """Events that came, by stream and in order."""

    def __init__(self) -> None:
        self._keys: defaultdict[str, list[str]] = defaultdict(list)
        self._tokens: dict[str, str] = {}
        self._disordered = 0

    @property
    def names(self) -> list[str]:
        """The streams."""
        return [*self._keys]

    def enter(self, line: Line) -> None:
        """Take in an event."""
        stream = line["stream"]
        self._keys[stream].append(line["key"])
        if line["token"] <= self._tokens.get(stream, ""):
            self._disordered += 1
        self._tokens[stream] = line["token"]

    def balance(self, present: Iterable[str]) -> Findings:
        """Compare them with the keys in the database: a stream has those of its place."""
        by_place: defaultdict[str, set[str]] = defaultdict(set)
        for key in present:
            by_place[_place(key)].add(key)
        found: Findings = Counter({"events out of order": self._disordered})
        for stream, keys in self._keys.items():
            place, name = stream.split("/")
            here = by_place[place]
            of = "events" if name == "steady" else "events of hurried reads"
            found[f"{of} missed"] += len(here - set(keys))
            found[f"{of} doubled"] += len(keys) - len(set(keys))
            found[f"{of} unexplained"] += len(set(keys) - here)
        return found


def _place(key: str) -> str:
    first, second = key.split("/")[:2]
    return second if first == "end" else first


class Tail:
    """The numbers that a tailable cursor gave."""

    def __init__(self) -> None:
        self._numbers: list[int] = []

    def enter(self, line: Line) -> None:
        """Take in a number."""
        self._numbers.append(line["number"])

    def balance(self, present: list[int]) -> Findings:
        """Compare them with the numbers in the database, in order."""
        return Counter(
            {
                "tailed missed": len(set(present) - set(self._numbers)),
                "tailed doubled": len(self._numbers) - len(set(self._numbers)),
                "tailed out of order": sum(
                    b < a for a, b in zip(self._numbers, self._numbers[1:], strict=False)
                ),
            }
        )


class Books:
    """All accounts of one worker."""

    def __init__(self) -> None:
        self.inserts = Account("inserts")
        self.transfers = Account("transfers")
        self.files = Account("files")
        self.counters = Counters()
        self.bulks = Bulks()
        self.streams = Streams()
        self.tail = Tail()
        self._unsent: set[str] = set()
        self._tickets: Counter[str] = Counter()
        self._digests: dict[str, str] = {}
        self._seen: Findings = Counter()

    @property
    def acknowledged(self) -> int:
        """How many documents, transfers and files were acknowledged."""
        return sum(len(a.acknowledged) for a in (self.inserts, self.transfers, self.files))

    @property
    def in_doubt(self) -> int:
        """How many were not, and may or may not be there."""
        return sum(len(a.in_doubt) for a in (self.inserts, self.transfers, self.files))

    @property
    def unsent(self) -> int:
        """How many operations were cancelled before they were sent."""
        return len(self._unsent)

    def enter(self, line: Line) -> None:
        """Take in a line of the journal."""
        kind = line["kind"]
        if kind in ("insert", "unsent"):
            self.inserts.enter(line)
        if kind in ("increment", "ticket"):
            self.counters.enter(line)
        if "bulk" in line:
            self.bulks.enter(line)
        if kind == "unsent":
            self._unsent.update(line["keys"])
        elif kind == "ticket taken":
            self._tickets[line["ticket"]] += 1
        elif kind == "transfer":
            self.transfers.enter(line)
        elif kind == "upload":
            self.files.enter(line)
            self._digests[line["keys"][0]] = line["digest"]
        elif kind == "event":
            self.streams.enter(line)
        elif kind == "tailed":
            self.tail.enter(line)
        elif kind in ("wrong read", "wrong file", "went back"):
            self._seen[kind] += 1

    def balance(self, database: Any) -> Findings:
        """The differences from the worker's database."""
        keys = [d["key"] for d in database.inserts.find({"key": {"$exists": True}})]
        found = self._seen + self.inserts.balance(keys)
        found += self.streams.balance(keys)
        found += self.counters.balance(_values(database))
        found += self.bulks.balance(
            by
            for document in database.inserts.find({"n": {"$exists": True}})
            for by in document.get("by", ())
        )
        found += self.tail.balance([d["_id"] for d in database.log.find({"_id": {"$gt": 0}})])
        found += self._balance_transfers(database)
        found += self._balance_files(gridfs.GridFSBucket(database))
        found["tickets given twice"] += sum(n > 1 for n in self._tickets.values())
        found["sent after cancellation"] += len(self._unsent & {*keys})
        return +found

    def _balance_transfers(self, database: Any) -> Findings:
        records = [*database.transfers.find()]
        found = self.transfers.balance(record["key"] for record in records)
        balances = {d["_id"]: d["balance"] for d in database.accounts.find()}
        expected = dict.fromkeys(balances, BALANCE)
        for record in records:
            expected[record["from"]] -= record["amount"]
            expected[record["to"]] += record["amount"]
        found["accounts out of balance"] += sum(
            balances[account] != expected[account] for account in balances
        )
        return found

    def _balance_files(self, bucket: gridfs.GridFSBucket) -> Findings:
        found = self.files.balance(file._id for file in bucket.find())
        for key, digest in self._digests.items():
            try:
                data = bucket.open_download_stream(key).read()
            except NoFile:
                continue
            except CorruptGridFile:
                found["files torn"] += 1
                self.files.wrong.append(f"torn {key}")
                continue
            found["files changed"] += hashlib.sha256(data).hexdigest() != digest
        return found


def _values(database: Any) -> dict[str, int]:
    return {
        f"{name}/{document['_id']}": document["n"]
        for name in ("counters", "tickets")
        for document in database[name].find()
    }
