"""`python -m motor.legacy PATH`: the command, and files that are not Python 3."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from motor.legacy.__main__ import main
from motor.legacy.scan import report_on

ROOT = Path(__file__).parent.parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Source with one old call in each of three files, one of which is not to be looked at."""
    for name in ("a.py", "package/b.py", "venv/c.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("db.things.insert(d)\n")
    (tmp_path / "clean.py").write_text("x = '\\d'\n")
    (tmp_path / "notes.txt").write_text("db.things.insert(d)\n")
    return tmp_path


def test_lists_each_finding_once(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tree), str(tree / "a.py")]) == 1
    output, errors = capsys.readouterr()
    lines = output.splitlines()
    places = [f"{tree}/{name}:1:11: collection.insert(): " for name in ("a.py", "package/b.py")]
    assert [line.startswith(place) for line, place in zip(lines, places, strict=True)] == [True] * 2
    assert errors == "2 old calls in 3 files\n"


def test_a_named_file_is_scanned_with_any_name(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tree / "notes.txt")]) == 1
    assert main([str(tree / "venv")]) == 1


def test_exit_status_is_0_without_findings(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tree / "clean.py")]) == 0
    assert capsys.readouterr() == ("", "0 old calls in 1 file\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"print 'Python 2'\ndb.things.save(d)\n", "in line 1; read as Python 2"),
        (b"x = '\xff'\ndb.things.save(d)\n", "; read as Python 2"),
        (b"x = 1\x00\ndb.things.save(d)\n", "null bytes; read as Python 2"),
        (b"def f(:\ndb.things.save(d)\n", "in line 1; read without line 1"),
        (b"x = (\n" * 9 + b"db.things.save(d)\n", "; read without lines 1, 2, 3, 4, 5 and 4 more"),
    ],
    ids=["python2", "encoding", "null", "broken", "very broken"],
)
def test_what_is_not_python_3_is_reported_and_read_as_far_as_possible(
    tree: Path, capsys: pytest.CaptureFixture[str], content: bytes, reason: str
) -> None:
    bad = tree / "bad.py"
    bad.write_bytes(content)
    assert main([str(bad), str(tree / "a.py")]) == 2
    output, errors = capsys.readouterr()
    lines = output.splitlines()
    assert lines[0].startswith(f"{bad}:{content.count(bytes([10]))}:11: collection.save(): ")
    assert lines[1].startswith(f"{tree}/a.py:1:11: ")
    first, last = errors.splitlines()
    assert first.startswith(f"{bad}: is not Python 3: ")
    assert first.endswith(reason)
    assert last == "2 old calls in 2 files; 1 not or not wholly read"


def test_a_file_that_is_not_there_is_reported_and_the_rest_is_scanned(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tree / "missing.py"), str(tree / "a.py")]) == 2
    output, errors = capsys.readouterr()
    assert output.startswith(f"{tree}/a.py:1:11: ")
    first, last = errors.splitlines()
    assert first == f"{tree}/missing.py: cannot be scanned: No such file or directory"
    assert last == "1 old call in 2 files; 1 not or not wholly read"


PYTHON_2 = """
import motor, sys
db = motor.MotorClient().test
print "there are", db.things.count()
print >>sys.stderr, `db.things.count()`, "and", \\
    db.others.count()
def f(x, (a, b)):
\ttry:
\t    yield db.things.insert({"mode": 0644, "size": 10L})
        except (IOError, ValueError), e: print e, db.things.remove()
\tif x <> 3 and db.things.save({}):
\t    raise ValueError, "no: %s" % db.things.save(e)
\texec "pass" in {}
\treturn db.client.fsync(async=True), ur"\\d", lambda (k, v): db.things.remove(k)
"""


def test_python_2_is_read_whole() -> None:
    report = report_on(PYTHON_2, "old.py")
    assert report.error is not None
    assert report.left_out == frozenset()
    assert [(f.line, f.what) for f in report.findings] == [
        (4, "collection.count()"),
        (5, "collection.count()"),
        (6, "collection.count()"),
        (9, "collection.insert()"),
        (10, "collection.remove()"),
        (11, "collection.save()"),
        (12, "collection.save()"),
        (14, "client.fsync()"),
        (14, "collection.remove()"),
    ]
    source = PYTHON_2.splitlines()
    for finding in report.findings[:2]:
        name = finding.what.rpartition(".")[2].removesuffix("()")
        assert source[finding.line - 1][finding.column - 1 :].startswith(name)


def test_runs_as_a_module(tree: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "motor.legacy", str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2


def test_ends_quietly_when_nothing_reads_on(tree: Path) -> None:
    (tree / "many.py").write_text("db.things.insert(d)\n" * 5000)
    command = [sys.executable, "-W", "error", "-m", "motor.legacy", str(tree)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""


def test_without_a_path_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "usage: python -m motor.legacy" in capsys.readouterr().err
