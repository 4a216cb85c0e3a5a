"""The errors that users saw: whether PyMongo documents them, and whether they came in time."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from chaos.books import Findings
from chaos.journals import Line

#: Seconds that an answer may be late on a machine that has much else to do.
SLACK = 2.5
#: Documented errors that say something false.
_STRANGE = re.compile(r"Sessions are not supported|Cannot run getMore on cursor")
_DOCUMENTED = re.compile(r"(pymongo|gridfs|bson)\.errors\.|builtins\.TimeoutError")
#: PyMongo ends no session that was in use when one of these came: the server is to forget it.
_NETWORK = re.compile(r"\.(NetworkTimeout|AutoReconnect|ConnectionFailure|NotPrimaryError)$")


class Errors:
    """All errors of one worker."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.strange: Counter[str] = Counter()
        self.undocumented: Counter[str] = Counter()
        self.attempts = 0
        self.cancelled = 0
        #: How many of them came from the network.
        self.network = 0
        self._timed: list[Line] = []
        self._stalls: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        self._broken: Findings = Counter()

    def enter(self, line: Line) -> None:
        """Take in a line of the journal."""
        kind = line["kind"]
        if "promise" in line:
            self.attempts += 1
            self.cancelled += line["outcome"] == "cancelled"
            if line["seconds"] > line["promise"] + SLACK:
                self._timed.append(line)
        if "error" in line and isinstance(line["error"], dict):
            self._enter_error(line)
        elif kind == "stall":
            stall = line["begun"], line["begun"] + line["seconds"]
            self._stalls[line["place"]].append(stall)
        elif kind in ("never ended", "job failed", "place failed", "loop error"):
            self._broken[kind] += 1
        elif kind == "fork" and line["code"]:
            self._broken["children failed"] += 1

    def late(self) -> list[Line]:
        """What took longer than promised, without the time in which its loop stood still."""
        return [line for line in self._timed if self._excess(line) > SLACK]

    def findings(self) -> Findings:
        """What is wrong."""
        found = +self._broken
        found["late"] = len(self.late())
        found["undocumented errors"] = self.undocumented.total()
        return +found

    def _enter_error(self, line: Line) -> None:
        error = line["error"]
        sign = signature(error)
        self.kinds[sign] += 1
        self.network += bool(_NETWORK.search(str(error["class"])))
        if _STRANGE.search(error["text"]):
            self.strange[f"{line['kind']}: {sign}"] += 1
        if not error["documented"] or not _DOCUMENTED.match(error["class"]):
            self.undocumented[f"{line['kind']}: {sign}"] += 1

    def _excess(self, line: Line) -> float:
        end = line["at"]
        begin = end - line["seconds"]
        stood = sum(
            max(0.0, min(end, last) - max(begin, first))
            for first, last in self._stalls[line["place"]]
        )
        return float(line["seconds"] - stood - line["promise"])


def signature(error: dict[str, object]) -> str:
    """What errors of one kind have in common."""
    name = str(error["class"]).rpartition(".")[2]
    text = re.sub(r"127\.0\.0\.\d+:\d+.*", "ADDRESS", str(error["text"]))
    text = re.sub(r"\{.*|full error.*", "", text, flags=re.S)
    text = re.sub(r"[0-9a-f-]{12,}|\d{3,}|\d+\.\d+", "N", text)
    code = f" {error['code']}" if error.get("code") is not None else ""
    return f"{name}{code}: {text[:110]}".strip(": ,")
