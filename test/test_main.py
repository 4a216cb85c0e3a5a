"""`python -m motor`: a report that can be pasted into an issue, without secrets."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pymongo
import pytest

import motor
import motor.accelerators.greenlets
from motor import __main__ as main_module
from motor import accelerators
from motor.__main__ import OK, UNREACHABLE, UNUSABLE, main
from motor.testing import EmbeddedMongo
from support import PATIENCE

# Nothing listens on port 1, so a connection is refused at once.
NO_SERVER = "127.0.0.1:1"


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(arguments)
    return code, capsys.readouterr().out


def test_versions_and_settings_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MOTOR_MAX_WORKERS", raising=False)
    code, text = report(capsys)
    assert code == OK
    shown = dict(re.findall(r"^(\w+) +(.*)$", text, re.MULTILINE))
    assert shown["Motor"].startswith(motor.version)
    assert shown["Python"].startswith(platform.python_version())
    extension = "with its" if pymongo.has_c() else "WITHOUT its"
    assert shown["PyMongo"] == f"{pymongo.version} ({extension} C extension)"
    assert {"Tornado", "aiohttp", "pymongocrypt", "Platform", "Loop"} <= set(shown)
    assert "MOTOR_MAX_WORKERS: not set" in text
    assert "Thread pool: at most 100 threads" in text


def test_packages_that_are_missing_are_said_to_be(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(package: str) -> str:
        raise importlib_metadata.PackageNotFoundError(package)

    from importlib import metadata as importlib_metadata

    monkeypatch.setattr(importlib_metadata, "version", missing)
    monkeypatch.setattr(pymongo, "has_c", lambda: False)
    _, text = report(capsys)
    assert re.search(r"Tornado +not installed", text)
    assert "WITHOUT its C extension" in text


def test_mongod_is_shown_with_its_version(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\necho 'db version v7.0.3'\n")
    program.chmod(0o755)
    monkeypatch.setenv("MOTOR_MONGOD", str(program))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert re.search(r"mongod +7\.0\.3 \(~/mongod\)", report(capsys)[1])
    program.write_text("#!/bin/sh\nexit 3\n")
    assert "does not run" in report(capsys)[1]
    monkeypatch.setenv("MOTOR_MONGOD", str(tmp_path / "nothing"))
    assert re.search(r"mongod +none found", report(capsys)[1])


def test_a_bad_setting_is_explained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTOR_MAX_WORKERS", "many")
    code, text = report(capsys, f"mongodb://{NO_SERVER}")
    assert code == UNUSABLE
    assert "must be a whole number" in text
    assert "Not connecting" in text
    assert report(capsys)[0] == UNUSABLE


def test_a_server_is_reached(
    capsys: pytest.CaptureFixture[str], mongo_uri: str, server_version: tuple[int, ...]
) -> None:
    code, text = report(capsys, mongo_uri)
    assert code == OK
    assert f"Connected: MongoDB {'.'.join(map(str, server_version))}" in text
    assert "Topology: ReplicaSetWithPrimary" in text
    assert "TLS is off" in text
    assert re.search(r"Round trip: \d+\.\d\d ms", text)


def test_a_standalone_server_is_reached(capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedMongo(replica_set=None) as mongo:
        code, text = report(capsys, mongo.uri)
    assert code == OK
    assert "Topology: Single" in text


def test_no_server_is_said_in_three_lines(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = report(capsys, f"mongodb://{NO_SERVER}", "--timeout", "0.05")
    assert code == UNREACHABLE
    assert text.splitlines()[-3:] == [
        "No server can be used, after 0.05 s:",
        "  127.0.0.1:1: [Errno 111] Connection refused",
        "Does mongod run there, and can this machine reach it?",
    ]


def test_servers_with_other_options_are_not_taken_for_none(
    capsys: pytest.CaptureFixture[str], mongo_uri: str
) -> None:
    other_name = mongo_uri.replace("replicaSet=", "replicaSet=x")
    lines = once_there_was_an_answer(capsys, other_name, "No replica set members available")
    assert lines[-2].startswith("  No replica set members available for replica set")
    assert lines[-1] == "Do the options in the URI fit the servers there?"
    lines = once_there_was_an_answer(capsys, mongo_uri + "&tls=true", "with a certificate")
    assert "with a certificate that this machine trusts?" in lines[-1]


def once_there_was_an_answer(capsys: pytest.CaptureFixture[str], uri: str, words: str) -> list[str]:
    """The lines of a report of failure, with more time where the server is not so quick."""
    for seconds in (0.5, 5, 60):
        code, text = report(capsys, uri, f"--timeout={seconds}")
        assert code == UNREACHABLE
        if words in text:
            break
    return text.splitlines()


def test_bad_credentials_are_connected_and_refused(
    capsys: pytest.CaptureFixture[str], mongo_uri: str
) -> None:
    uri = mongo_uri.replace("://", "://unknown:open%20sesame@")
    code, text = report(capsys, uri)
    assert code == UNREACHABLE
    said, why = text.splitlines()[-2:]
    assert re.fullmatch(
        r"Connected to 127\.0\.0\.1:\d+, and it refused the user name or password:", said
    )
    assert why == "  Authentication failed. (code 18)"
    assert "sesame" not in text
    assert "mongodb://***@" in text


def test_a_command_that_is_refused_is_not_blamed_on_the_password(
    capsys: pytest.CaptureFixture[str], mongo_uri: str, fail_point: Any
) -> None:
    with fail_point(failCommands=["buildInfo"], errorCode=13, mode={"times": 1}):
        code, text = report(capsys, mongo_uri)
    assert code == UNREACHABLE
    assert "and it refused the command:" in text
    assert "(code 13)" in text


@pytest.mark.parametrize("password", ["a", "o", "e", "refuse", "127.0.0.1"])
def test_a_short_password_is_not_shown_by_masking_it_in_other_words(
    capsys: pytest.CaptureFixture[str], password: str
) -> None:
    _, plain = report(capsys, f"mongodb://me:other@{NO_SERVER}", "--timeout=0.05")
    _, text = report(capsys, f"mongodb://me:{password}@{NO_SERVER}", "--timeout=0.05")
    assert text == plain
    _, text = report(capsys, f"mongodb://me:{password}@{NO_SERVER}/?tls=maybe", "--timeout=0.05")
    assert text.splitlines()[-1] == (
        "The URI cannot be used: The value of tls must be 'true' or 'false'"
    )


def test_a_warning_is_part_of_the_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = main_module.AsyncIOMotorClient

    def making(uri: str, **options: Any) -> Any:
        warnings.warn("open-sesame-2 is not what it was", UserWarning, stacklevel=2)
        return made(uri, **options)

    monkeypatch.setattr(main_module, "AsyncIOMotorClient", making)
    _, text = report(capsys, f"mongodb://me:open-sesame-2@{NO_SERVER}", "--timeout=0.05")
    assert "Warning: *** is not what it was" in text


@pytest.mark.parametrize(
    "uri",
    [
        f"mongodb://me:sesame@{NO_SERVER}/?appName=a@b",
        f"mongodb://me:p@sesame@{NO_SERVER}",
        f"mongodb://me:p/sesame@{NO_SERVER}",
        f"mongodb://me:p@x/sesame@{NO_SERVER}/db",
        f"mongodb://me:p?sesame@{NO_SERVER}",
        "mongodb://me:p:sesame@",
        "me:sesame@localhost",
        f"mongodb://{NO_SERVER}/?tlsCertificateKeyFilePassword=sesame",
        f"mongodb://{NO_SERVER}/?authMechanismProperties=AWS_SESSION_TOKEN:sesame",
        f"mongodb://me:sesame@{NO_SERVER}/?tls=maybe",
        f"mongodb://me:sesame@{NO_SERVER}/?authMechanism=sesam",
    ],
)
def test_no_secret_is_ever_shown(capsys: pytest.CaptureFixture[str], uri: str) -> None:
    code = main([uri, "--timeout", "0.05"])
    shown = capsys.readouterr()
    assert code in (UNREACHABLE, UNUSABLE)
    assert not re.search(r"sesame", shown.out + shown.err)


def test_a_password_to_be_quoted_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = report(capsys, f"mongodb://me:p@ss@{NO_SERVER}")
    assert code == UNUSABLE
    assert "quote_plus" in text


@pytest.mark.parametrize("uri", ["localhost", "mongodb://", "mongodb://localhost/?tls=maybe"])
def test_a_uri_that_is_none_is_explained(capsys: pytest.CaptureFixture[str], uri: str) -> None:
    code, text = report(capsys, uri)
    assert code == UNUSABLE
    assert "The URI cannot be used: " in text


@pytest.mark.parametrize("timeout", ["0", "-1", "soon", "inf", "nan"])
def test_a_timeout_has_to_be_one(capsys: pytest.CaptureFixture[str], timeout: str) -> None:
    with pytest.raises(SystemExit):
        main(["mongodb://localhost", f"--timeout={timeout}"])
    assert "must be a number of seconds greater than 0" in capsys.readouterr().err


def test_it_runs_as_a_module() -> None:
    environment: dict[str, Any] = {**os.environ, "PYTHONWARNINGS": "error"}
    environment.pop("MOTOR_MAX_WORKERS", None)
    result = subprocess.run(
        [sys.executable, "-m", "motor", f"mongodb://{NO_SERVER}", "--timeout", "0.05"],
        cwd=Path(motor.__file__).parent.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == UNREACHABLE
    assert result.stderr == ""
    assert result.stdout.startswith(f"Motor        {motor.version}")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as unread:
        result = subprocess.run(
            [sys.executable, "-m", "motor"],
            cwd=Path(motor.__file__).parent.parent,
            stdout=unread,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert result.stderr == b""
    assert result.returncode == OK


def test_accelerators_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTOR_ACCELERATORS", "sockets,batches")
    monkeypatch.setattr(
        accelerators,
        "reason_unusable",
        {"sockets": None, "batches": "there is a reason"}.__getitem__,
    )
    code, shown = report(capsys)
    assert code == OK
    assert "sockets      used\nbatches      off: there is a reason\n" in shown
    monkeypatch.setenv("MOTOR_ACCELERATORS", "none")
    assert "sockets      off: not chosen\nbatches      off: not chosen\n" in report(capsys)[1]


def test_accelerator_that_is_asked_for_in_vain_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTOR_ACCELERATORS", "all,greenlets")
    monkeypatch.setattr(accelerators.greenlets, "impossible", lambda: "it is not there")
    code, shown = report(capsys, "mongodb://localhost:1")
    assert code == UNUSABLE
    assert "greenlets    off: it is not there\n" in shown
    assert "Not connecting" in shown


def test_wrong_choice_of_accelerators_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTOR_ACCELERATORS", "rockets")
    code, shown = report(capsys, "mongodb://localhost:1")
    assert code == UNUSABLE
    assert "MOTOR_ACCELERATORS: rockets\n" in shown
    assert "there is no 'rockets'" in shown
    assert "Not connecting" in shown
