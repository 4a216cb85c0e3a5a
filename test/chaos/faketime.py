"""A process's clock on the wall, set forward from outside by libfaketime.

Debian and Ubuntu have it in the package `faketime`. Only `--faketime` uses it: with as many threads
as the drivers have, the library takes most of the time for itself. Otherwise workers change what
`time.time` says to Python (`worker/clock.py`).
"""

from __future__ import annotations

from pathlib import Path

_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def is_installed() -> bool:
    """Whether the library is there."""
    return bool(_LIBRARIES)


class Clock:
    """The clock of one process, kept in a file that the library reads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds = 0
        self._write()

    @property
    def variables(self) -> dict[str, str]:
        """The environment that the process needs."""
        return {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            # Seconds that are counted stay what they are: only the clock on the wall is wrong.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_forward(self, seconds: int) -> None:
        """Set it forward, within a second."""
        self._seconds += seconds
        self._write()

    def _write(self) -> None:
        # At once, for a reader must never find half of it.
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"+{self._seconds}\n")
        fresh.replace(self._file)
