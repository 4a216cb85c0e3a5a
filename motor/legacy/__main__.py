"""``python -m motor.legacy PATH...``: list the calls of the PyMongo 2 era in source code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from motor.legacy import guide
from motor.legacy.scan import IGNORE, Report, report_on

__all__ = ["main"]

#: Directories whose code is not the project's own.
_SKIPPED = {"__pycache__", "build", "dist", "node_modules", "site-packages", "venv"}
_NOTHING, _FOUND, _FAILED = 0, 1, 2
#: How many of the lines that cannot be read are named.
_NAMED = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: 1 with findings, 2 with unreadable files, else 0.

    - `arguments`: those of the command line. None: the process's own
    """
    options = _parser().parse_args(arguments)
    findings, failures, files = 0, 0, 0
    for path in _python_files(options.paths):
        files += 1
        try:
            report = report_on(path.read_bytes(), str(path))
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            failures += 1
            print(f"{path}: cannot be scanned: {_reason(error)}", file=sys.stderr)
            continue
        if report.error is not None:
            failures += 1
            print(f"{path}: {_describe(report)}", file=sys.stderr)
        findings += len(report.findings)
        for finding in report.findings:
            print(finding)
    counted = f"{findings} old call{'' if findings == 1 else 's'}"
    counted += f" in {files} file{'' if files == 1 else 's'}"
    if failures:
        print(f"{counted}; {failures} not or not wholly read", file=sys.stderr)
        return _FAILED
    print(counted, file=sys.stderr)
    return _FOUND if findings else _NOTHING


def _describe(report: Report) -> str:
    assert report.error is not None
    text = f"is not Python 3: {_reason(report.error)}; "
    if not report.left_out:
        return text + "read as Python 2"
    lines = ", ".join(map(str, sorted(report.left_out)[:_NAMED]))
    more = len(report.left_out) - _NAMED
    return (
        text
        + f"read without line{'' if len(report.left_out) == 1 else 's'} {lines}"
        + (f" and {more} more" if more > 0 else "")
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m motor.legacy",
        description="List the calls of the PyMongo 2 era in Python source code, with what to write "
        "instead. Nothing is run or changed.",
        epilog=f"The guide is {guide.INDEX}. A comment '# {IGNORE}' silences its line. A file that "
        "is not Python 3 is reported, and read as far as possible. Exit status: 0 if there are no "
        "old calls, 1 if there are some, 2 if a file could not be read, or is not Python 3.",
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


def _run() -> int:
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader is gone, as with "| head". Python would report it once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    return status


if __name__ == "__main__":
    sys.exit(_run())
