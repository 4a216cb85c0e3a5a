"""Type checkers find the expected mistakes, and no others."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TYPING = ROOT / "test" / "typing"
WRONG = TYPING / "wrong"

#: What is found, or expected, in a file: codes by line.
Findings = dict[int, set[str]]


def run(*command: object) -> str:
    """What a checker, run on this Python, has printed."""
    result = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode in (0, 1), result.stdout + result.stderr
    return result.stdout


def mypy(path: Path) -> Findings:
    found: Findings = defaultdict(set)
    # Only this file's: `--strict` follows imports into Motor, whose own check is another.
    for line in run("mypy", "--strict", "--no-error-summary", path).splitlines():
        match = re.fullmatch(r"(.+?):(\d+): error: .*\[([\w-]+)\]", line)
        if match and Path(match[1]).name == path.name:
            found[int(match[2])].add(match[3])
    return found


def pyright(path: Path) -> Findings:
    found: Findings = defaultdict(set)
    # Else it looks for packages where the first `python` on the PATH has them.
    python = ("--pythonpath", sys.executable)
    report = json.loads(run("pyright", "--outputjson", *python, "--project", path.parent))
    for diagnostic in report["generalDiagnostics"]:
        if Path(diagnostic["file"]).name == path.name:
            found[diagnostic["range"]["start"]["line"] + 1].add(diagnostic["rule"])
    return found


def expected(path: Path, column: int) -> dict[int, str]:
    """The mistakes that the comments of a file announce, by line: ``# mypy's | pyright's``."""
    comments = {
        number: line.partition("  # ")[2]
        for number, line in enumerate(path.read_text().splitlines(), 1)
    }
    return {number: comment.split(" | ")[column] for number, comment in comments.items() if comment}


@pytest.mark.parametrize("path", sorted(WRONG.glob("*.py")), ids=lambda path: path.stem)
@pytest.mark.parametrize(("checker", "column"), [(mypy, 0), (pyright, 1)], ids=["mypy", "pyright"])
def test_mistakes_are_found(checker: Callable[[Path], Findings], column: int, path: Path) -> None:
    if importlib.util.find_spec(checker.__name__) is None:
        pytest.skip(f"{checker.__name__} is not installed: tox -e typing has it")
    found = checker(path)
    announced = expected(path, column)
    assert len(announced) > 20
    assert set(found) == set(announced)
    assert {line: code for line, code in announced.items() if code not in found[line]} == {}


def test_stubtest_has_few_exceptions_each_with_a_reason() -> None:
    lines = (TYPING / "stubtest_allowlist.txt").read_text().splitlines()
    groups = "\n".join(lines).split("\n#")[1:]
    entries = [line for line in lines if line and not line.startswith("#")]
    assert len(entries) < 10
    assert all("\n" in group for group in groups[1:])
