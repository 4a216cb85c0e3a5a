"""`python -m motor`: a report that can be pasted into an issue, without secrets."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pymongo
import pytest

import motor
from motor.__main__ import OK, UNREACHABLE, UNUSABLE, main
from motor.testing import EmbeddedMongo
from support import PATIENCE

# Nothing listens on port 1, so a connection is refused at once.
NOBODY = "127.0.0.1:1"


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
    assert {"Tornado", "aiohttp", "pymongocrypt", "Platform"} <= set(shown)
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
    code, text = report(capsys, f"mongodb://{NOBODY}")
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


def test_nobody_there_is_said_within_the_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = report(capsys, f"mongodb://{NOBODY}", "--timeout", "0.05")
    assert code == UNREACHABLE
    assert "No connection within 0.05 s: ServerSelectionTimeoutError: 127.0.0.1:1" in text


def test_a_wrong_password_is_said_and_not_shown(
    capsys: pytest.CaptureFixture[str], mongo_uri: str
) -> None:
    uri = mongo_uri.replace("://", "://nobody:open%20sesame@")
    code, text = report(capsys, uri)
    assert code == UNREACHABLE
    assert "Authentication failed" in text
    assert "sesame" not in text
    assert "mongodb://***@" in text


@pytest.mark.parametrize(
    "uri",
    [
        f"mongodb://me:sesame@{NOBODY}/?appName=a@b",
        f"mongodb://me:p@sesame@{NOBODY}",
        f"mongodb://me:p/sesame@{NOBODY}",
        f"mongodb://me:p@x/sesame@{NOBODY}/db",
        f"mongodb://me:p?sesame@{NOBODY}",
        "mongodb://me:p:sesame@",
        "me:sesame@localhost",
        f"mongodb://{NOBODY}/?tlsCertificateKeyFilePassword=sesame",
        f"mongodb://{NOBODY}/?authMechanismProperties=AWS_SESSION_TOKEN:sesame",
        f"mongodb://me:sesame@{NOBODY}/?tls=maybe",
        f"mongodb://me:sesame@{NOBODY}/?authMechanism=sesam",
    ],
)
def test_no_secret_is_ever_shown(capsys: pytest.CaptureFixture[str], uri: str) -> None:
    code = main([uri, "--timeout", "0.05"])
    shown = capsys.readouterr()
    assert code in (UNREACHABLE, UNUSABLE)
    assert not re.search(r"sesame", shown.out + shown.err)


def test_a_password_to_be_quoted_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = report(capsys, f"mongodb://me:p@ss@{NOBODY}")
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
        [sys.executable, "-m", "motor", f"mongodb://{NOBODY}", "--timeout", "0.05"],
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
