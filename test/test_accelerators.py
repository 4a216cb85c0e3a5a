"""Accelerators are optional: without one, or with another PyMongo, everything works."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from motor import accelerators
from motor.accelerators import BY_DEFAULT, ON_REQUEST, chosen
from support import Framework
from support.changed_packages import copy_of, rename_everywhere
from support.process import run_python

EVERY_OPERATION = (Path(__file__).parent / "support" / "every_operation.py").read_text("utf-8")

#: Every accelerator that there is.
EVERY = "all,greenlets" if importlib.util.find_spec("greenlet") else "all"

#: The private names of PyMongo, and which accelerators go without them.
PRIVATE_NAMES = {
    "_pool_class": {"sockets", "batches", "greenlets"},
    "is_sdam": {"sockets", "batches", "greenlets"},
    "conn": {"sockets", "greenlets"},
    "get_conn": {"sockets", "greenlets"},
    "NetworkingInterface": {"sockets", "greenlets"},
    "send_message": {"sockets", "greenlets"},
    "receive_message": {"sockets", "batches", "greenlets"},
    "_OpMsg": {"batches", "greenlets"},
    "payload_document": {"batches", "greenlets"},
    "unpack_response": {"batches", "greenlets"},
    "_next_batch": {"batches"},
    "_max_await_time_ms": set(),
    "_cursor": set(),
    # In the core, each with a fallback.
    "_retry_policy": set(),
    "_condition_class": {"greenlets"},
    "_topology": {"greenlets"},
    "get_server_by_address": {"greenlets"},
    "conns": {"greenlets"},
    "size_cond": {"greenlets"},
    "_max_connecting_cond": {"greenlets"},
    "pool_ref": {"greenlets"},
    "_exhaust": {"greenlets"},
    "_limit": {"greenlets"},
    "_spec": {"greenlets"},
    "_csot": set(),
    "_add_to_bulk": set(),
    "_execute_command": set(),
}


@pytest.fixture(scope="session")
def expected(mongo_uri: str) -> Any:
    """What comes of every operation with an unchanged PyMongo and without accelerators."""
    return operate(mongo_uri, "motor_every_none", MOTOR_ACCELERATORS="none")[0]


def operate(uri: str, name: str, path: Path | None = None, **env: str) -> tuple[Any, str]:
    """What comes of every operation, and the log of the accelerators.

    - `path`: a folder with packages to use instead of the installed ones
    """
    code = EVERY_OPERATION
    if path is not None:
        code = f"import sys; sys.path.insert(0, {str(path)!r})\n" + code.replace(
            "from __future__ import annotations\n", ""
        )
    done = run_python(code, uri, name, timeout=300, **({"MOTOR_ACCELERATORS": EVERY} | env))
    return json.loads(done.stdout), done.stderr


# Choosing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, BY_DEFAULT),
        ("", BY_DEFAULT),
        ("all", BY_DEFAULT),
        ("none", ()),
        ("sockets", ("sockets",)),
        (" batches , sockets ", ("batches", "sockets")),
        ("all,sockets", BY_DEFAULT),
        ("all,greenlets", (*BY_DEFAULT, "greenlets")),
        ("greenlets", ("greenlets",)),
    ],
)
def test_environment_chooses(
    monkeypatch: pytest.MonkeyPatch, text: str | None, names: tuple[str, ...]
) -> None:
    monkeypatch.delenv("MOTOR_ACCELERATORS", raising=False)
    if text is not None:
        monkeypatch.setenv("MOTOR_ACCELERATORS", text)
    assert chosen() == names


@pytest.mark.parametrize("text", ["socket", "all,faster", "none,sockets", "sockets;batches", "1"])
def test_a_name_that_is_none_is_an_error_when_a_client_is_made(
    monkeypatch: pytest.MonkeyPatch, framework: Framework, mongo_uri: str, text: str
) -> None:
    monkeypatch.setenv("MOTOR_ACCELERATORS", text)
    with pytest.raises(ValueError, match="MOTOR_ACCELERATORS must be 'all', 'none' or a list"):
        framework.Client(mongo_uri)


def test_all_can_be_used_here() -> None:
    assert {name: accelerators.reason_unusable(name) for name in BY_DEFAULT} == dict.fromkeys(
        BY_DEFAULT
    )


def test_none_is_imported_unless_it_is_chosen() -> None:
    code = """
        import sys
        from motor.motor_asyncio import AsyncIOMotorClient
        AsyncIOMotorClient(connect=False).close()
        print(sorted(n for n in sys.modules if n.startswith("motor.accelerators.")))
    """
    assert run_python(code, MOTOR_ACCELERATORS="none").stdout == "[]\n"
    loaded = run_python(code, MOTOR_ACCELERATORS="sockets").stdout
    assert "sockets" in loaded
    assert "batches" not in loaded


# Without ------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["all", *BY_DEFAULT, EVERY])
def test_every_choice_gives_the_same(mongo_uri: str, expected: Any, choice: str) -> None:
    found, log = operate(mongo_uri, f"motor_every_{choice}", MOTOR_ACCELERATORS=choice)
    assert found == expected
    assert log == ""


@pytest.mark.parametrize("name", BY_DEFAULT + ON_REQUEST)
def test_folder_of_an_accelerator_can_be_deleted(
    mongo_uri: str, expected: Any, tmp_path: Path, name: str
) -> None:
    shutil.rmtree(copy_of("motor", tmp_path) / "accelerators" / name)
    found, log = operate(mongo_uri, f"motor_deleted_{name}", tmp_path)
    assert found == expected
    # One is built on another.
    assert_logged(log, {name, "greenlets"} if name == "sockets" else {name})


def assert_logged(log: str, names: set[str]) -> None:
    names = names & set(EVERY.replace("all", ",".join(BY_DEFAULT)).split(","))
    lines = log.splitlines()
    assert len(lines) == len(names), log
    for line in lines:
        assert line.startswith("INFO Motor goes on without its accelerator")
    assert {line.split("'")[1] for line in lines} == names


# With another PyMongo -----------------------------------------------------------------------


def changed_pymongo(tmp_path: Path, change: Callable[[str], str]) -> Path:
    for package in ("pymongo", "gridfs"):
        copy_of(package, tmp_path, change)
    return tmp_path


@pytest.mark.parametrize("name", PRIVATE_NAMES)
def test_private_name_that_is_gone_costs_speed_only(
    mongo_uri: str, expected: Any, tmp_path: Path, name: str
) -> None:
    path = changed_pymongo(tmp_path, rename_everywhere(name, f"{name}_renamed"))
    for module in list(path.rglob(f"{name}.py")):
        module.rename(module.with_stem(f"{name}_renamed"))
    found, log = operate(mongo_uri, f"motor_without_{name.lower()}", path)
    assert found == expected
    assert_logged(log, PRIVATE_NAMES[name])


def test_module_of_the_pools_may_move(mongo_uri: str, expected: Any, tmp_path: Path) -> None:
    rename = rename_everywhere("pymongo.synchronous.pool", "pymongo.synchronous.pools")
    imported = re.compile(r"(from pymongo\.synchronous import (?:\w+, )*)pool\b")
    path = changed_pymongo(tmp_path, lambda text: imported.sub(r"\1pools as pool", rename(text)))
    folder = path / "pymongo" / "synchronous"
    (folder / "pool.py").rename(folder / "pools.py")
    found, log = operate(mongo_uri, "motor_without_pool", path)
    assert found == expected
    assert_logged(log, {"sockets", "batches", "greenlets"})


def test_interface_is_asked_for_one_method_more(
    mongo_uri: str, expected: Any, tmp_path: Path
) -> None:
    before = "sendall(self.conn.get_conn, message)"
    method = "    @property\n    def get_conn(self) -> socket.socket"

    def change(text: str) -> str:
        text = text.replace(before, f"self.conn.warm_up(); {before}")
        return text.replace(method, f"    def warm_up(self):\n        pass\n\n{method}")

    path = changed_pymongo(tmp_path, change)
    pool = (path / "pymongo" / "synchronous" / "pool.py").read_text("utf-8")
    layer = (path / "pymongo" / "network_layer.py").read_text("utf-8")
    if "warm_up" not in pool or "warm_up" not in layer:
        pytest.skip("this PyMongo is written in another way")
    found, log = operate(mongo_uri, "motor_warm_up", path)
    assert found == expected
    assert log == ""


@pytest.mark.parametrize(
    ("defined", "called"),
    [
        ("def receive_message(self, request_id: int | None", "conn.receive_message(request_id"),
        (
            "def connect(self, handler: _ClientCheckout | None = None",
            "self.connect(handler=handler",
        ),
    ],
    ids=["receive_message", "connect"],
)
def test_methods_that_take_more_are_passed_what_they_take(
    mongo_uri: str, expected: Any, tmp_path: Path, defined: str, called: str
) -> None:
    def change(text: str) -> str:
        text = text.replace(defined, f"{defined}, added: int = 0")
        return text.replace(called, f"{called}, added=1")

    path = changed_pymongo(tmp_path, change)
    texts = [file.read_text("utf-8") for file in path.rglob("*.py")]
    if not any(", added: int = 0" in t for t in texts) or not any("added=1" in t for t in texts):
        pytest.skip("this PyMongo is written in another way")
    found, log = operate(mongo_uri, "motor_more_arguments", path)
    assert found == expected
    assert log == ""
