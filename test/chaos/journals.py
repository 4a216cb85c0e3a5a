"""What the workers wrote down, read line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def lines(directory: Path) -> Iterator[Line]:
    """Every line of a worker and of its forked children."""
    for path in sorted(directory.glob("journal-*.jsonl")):
        with path.open() as file:
            for line in file:
                # The last line of a process that was killed may be half of one.
                if line.endswith("\n"):
                    yield json.loads(line)
