"""What the scanner reports."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Finding", "Report"]


@dataclass(frozen=True)
class Finding:
    """One old call, where it stands, and what to write instead."""

    path: str
    #: Counted from 1, both.
    line: int
    column: int
    #: The call, such as ``collection.insert()``.
    what: str
    replacement: str
    #: The page and anchor of the guide.
    link: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}:{self.column}"
        return f"{where}: {self.what}: {self.replacement} ({self.link})"


@dataclass
class Report:
    """What was found in a module.

    - `findings`: the old calls, in order
    - `error`: why the module is not Python 3; None if it is
    - `left_out`: the numbers of the lines that could not be read
    """

    findings: list[Finding] = field(default_factory=list)
    error: SyntaxError | ValueError | None = None
    left_out: frozenset[int] = frozenset()
