"""The names that `motor` had in the PyMongo 2 era, and what they are today."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import pytest
from pymongo.errors import InvalidOperation, WaitQueueTimeoutError

import motor
from motor import legacy, motor_asyncio
from support import run_python
from support.old_style import old

pytest.importorskip("tornado")

#: They went before there was Motor for asyncio.
OF_TORNADO = [
    "MotorConnection",
    "MotorReplicaSetConnection",
    "MotorPoolTimeout",
    "WaitOp",
    "WaitAllOps",
    "Op",
]


def test_connections_are_clients() -> None:
    with old("motor.MotorConnection", "motor.MotorReplicaSetConnection", at="motor.Motor"):
        assert motor.MotorConnection is legacy.MotorClient
        assert motor.MotorReplicaSetConnection is legacy.MotorReplicaSetClient


def test_timeout_of_the_pool_can_be_caught() -> None:
    with old("motor.MotorPoolTimeout"):
        assert motor.MotorPoolTimeout is WaitQueueTimeoutError


@pytest.mark.parametrize("name", ["WaitOp", "WaitAllOps"])
def test_yield_points_say_what_to_do_when_they_are_called(name: str) -> None:
    # Importing them must not lose the message.
    namespace: dict[str, Any] = {}
    exec(f"from motor import {name}", namespace)
    with pytest.raises(InvalidOperation, match=r"Tornado 6 does not have.*yield") as caught:
        namespace[name]("key")
    assert f"migrate-from-motor-0/callbacks.rst#motor-{name.lower()}" in str(caught.value)


@pytest.mark.parametrize("name", OF_TORNADO)
def test_asyncio_never_had_them(name: str) -> None:
    for each in (name, f"AsyncIO{name}"):
        with pytest.raises(AttributeError):
            getattr(motor_asyncio, each)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert hasattr(importlib.import_module("motor.motor_tornado"), name)


def test_no_hint_names_a_class_that_never_was() -> None:
    run_python("""
        import sys, warnings
        warnings.simplefilter("ignore")
        sys.modules["tornado"] = None
        import motor, motor.motor_asyncio
        for name in ("MotorClient", "MotorConnection", "MotorNope", "MotorPoolTimeout"):
            try:
                getattr(motor, name)
            except AttributeError as error:
                hint = f"AsyncIO{name}"
                has = hasattr(motor.motor_asyncio, hint)
                assert (hint in str(error)) is has, error
    """)


async def test_grid_fs_can_be_opened(framework: Any, db: Any) -> None:
    with pytest.warns(DeprecationWarning, match="use MotorGridFSBucket"):
        fs = framework.GridFS(db)
    with old("gridfs.open()"):
        assert await fs.open() is fs
