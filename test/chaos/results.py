"""The results of one driver in a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chaos.books import Books, Findings
from chaos.drivers import Candidate
from chaos.errors import Errors
from chaos.gaps import Gaps
from chaos.journals import lines
from chaos.memory import Memory
from chaos.processes import Worker


@dataclass
class Result:
    """One driver's part of the report."""

    candidate: Candidate
    books: Books = field(default_factory=Books)
    errors: Errors = field(default_factory=Errors)
    gaps: Gaps = field(default_factory=Gaps)
    memory: Memory = field(default_factory=Memory)
    findings: Findings = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    #: Threads, descriptors, sockets; and cursors and transactions at the servers.
    left: dict[str, Any] = field(default_factory=dict)
    left_at_servers: Findings = field(default_factory=Counter)

    def read(self, worker: Worker, database: Any) -> None:
        """Read the worker's journals, and compare them with its database."""
        for line in lines(worker.directory):
            self.kinds[line["kind"]] += 1
            for reader in (self.books, self.errors, self.gaps, self.memory):
                reader.enter(line)
        self.findings = self.books.balance(database) + self.errors.findings()

    @property
    def left_in_process(self) -> int:
        """How many threads and descriptors were left."""
        return len(self.left.get("threads", ())) + int(self.left.get("descriptors", 0))

    def count(self, *words: str) -> int:
        """The sum of the findings whose name ends in one of these words."""
        return sum(n for name, n in self.findings.items() if name.endswith(words))
