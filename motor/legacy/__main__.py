"""``python -m motor.legacy PATH...``: list the calls of the PyMongo 2 era in source code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from motor.legacy.registry import GUIDE
from motor.legacy.scanner import IGNORE, scan_file

__all__ = ["main"]

#: Directories whose code is somebody else's.
_SKIPPED = {"__pycache__", "build", "dist", "node_modules", "site-packages", "venv"}
_NOTHING, _FOUND, _FAILED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: 1 with findings, 2 with unreadable files, else 0.

    - `arguments`: those of the command line. None: the process's own
    """
    options = _parser().parse_args(arguments)
    findings, failures, files = 0, 0, 0
    for path in _python_files(options.paths):
        files += 1
        try:
            found = scan_file(path)
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            # Python 3.11 reports a null byte in the source as ValueError.
            failures += 1
            print(f"{path}: cannot be scanned: {_reason(error)}", file=sys.stderr)
            continue
        findings += len(found)
        for finding in found:
            print(finding)
    counted = f"{findings} old call{'' if findings == 1 else 's'}"
    if failures:
        print(f"{counted} in {files} files; {failures} could not be scanned", file=sys.stderr)
        return _FAILED
    print(f"{counted} in {files} file{'' if files == 1 else 's'}", file=sys.stderr)
    return _FOUND if findings else _NOTHING


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m motor.legacy",
        description="List the calls of the PyMongo 2 era in Python source code, with what to write "
        "instead. Nothing is run or changed.",
        epilog=f"The guide is {GUIDE}. A comment '# {IGNORE}' silences its line. Exit status: 0 if "
        "there are no old calls, 1 if there are some, 2 if a path or a file could not be read.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a directory to search")
    return parser


def _python_files(paths: Sequence[str]) -> Iterator[Path]:
    """The files to scan, each once: those named, and those in the directories named, in order."""
    seen: set[Path] = set()
    for name in paths:
        path = Path(name)
        for file in _files_below(path) if path.is_dir() else [path]:
            if (resolved := file.resolve()) not in seen:
                seen.add(resolved)
                yield file


def _files_below(directory: Path) -> Iterator[Path]:
    for parent, directories, files in os.walk(directory):
        directories[:] = sorted(d for d in directories if d not in _SKIPPED and d[0] != ".")
        for file in sorted(files):
            if file.endswith((".py", ".pyi", ".pyw")):
                yield Path(parent, file)


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        where = f" in line {error.lineno}" if error.lineno else ""
        return f"{error.msg}{where}"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error) or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
