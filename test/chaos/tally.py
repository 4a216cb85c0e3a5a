"""Several runs as one: what each has found, kept in a file."""

from __future__ import annotations

import json
from pathlib import Path

from chaos.gaps import Struck
from chaos.report import Column, values
from chaos.results import Result


class Tally:
    """The runs that a file has; or only this one, where there is no file."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        known = {"faults": 0, "runs": []}
        if file is not None and file.exists():
            known = json.loads(file.read_text())
        #: How many faults have struck in all.
        self.faults: int = known["faults"]
        self.runs: list[list[Column]] = known["runs"]

    def add(self, struck: list[Struck], results: list[Result]) -> None:
        """Add a run, and write the file again."""
        self.faults += sum(not one.problem for one in struck)
        self.runs.append(values(struck, results))
        if self._file is not None:
            self._file.write_text(json.dumps({"faults": self.faults, "runs": self.runs}))
