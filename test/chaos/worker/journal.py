"""What happened, a line of JSON each: the books are made of it afterwards."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any


class Journal:
    """Writes lines at once, from any thread. A forked child makes one of its own."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()

    def write(self, kind: str, **fields: Any) -> None:
        """Write that something of a kind happened, now unless `at` says otherwise."""
        line = json.dumps({"kind": kind, "at": time.monotonic(), **fields}, default=repr)
        with self._lock:
            self._file.write(line + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
