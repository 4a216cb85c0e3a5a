"""What can be imported from where, and what importing does not do."""

from __future__ import annotations

import importlib
import re
import types

import pytest

import motor
from motor import core, motor_asyncio, motor_tornado
from motor._version import get_version_tuple
from motor.core import AgnosticBase
from support import Framework, motor371, run_python

#: Put before a subprocess's code: Tornado cannot be imported there.
WITHOUT_TORNADO = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tornado":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())

import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *args: None if name == "tornado" else found(name, *args)
"""


def public_classes(module: types.ModuleType) -> set[str]:
    classes = {
        name
        for name in dir(module)
        if isinstance(member := getattr(module, name), type) and issubclass(member, AgnosticBase)
    }
    # Users do not make these, and Motor 3 does not export them: methods return them.
    return {name for name in classes if "RawBatch" not in name and "Latent" not in name}


def test_fronts_export_their_public_classes_and_nothing_else(framework: Framework) -> None:
    exported = framework.module.__all__
    assert set(exported) == public_classes(framework.module)
    assert len(exported) == len(set(exported))


def test_fronts_export_what_motor_3_did(framework: Framework) -> None:
    prefix = "AsyncIOMotor" if framework.name == "asyncio" else "Motor"
    assert {prefix + name for name in motor371.FRONT} <= set(framework.module.__all__)
    assert hasattr(framework.module, f"{prefix}LatentCommandCursor")


def test_fronts_make_classes_for_others() -> None:
    assert (
        motor_asyncio.create_asyncio_class(core.AgnosticClient) is motor_asyncio.AsyncIOMotorClient
    )
    assert motor_tornado.create_motor_class(core.AgnosticClient) is motor_tornado.MotorClient


def test_core_exports_its_classes() -> None:
    assert set(core.__all__) >= motor371.CORE
    assert all(isinstance(getattr(core, name), type) for name in core.__all__)


def test_package_exports_the_names_for_tornado() -> None:
    assert motor.__all__ == motor_tornado.__all__
    for name in motor.__all__:
        assert getattr(motor, name) is getattr(motor_tornado, name)
        assert name in dir(motor)


def test_star_import_gives_the_names_for_tornado() -> None:
    namespace: dict[str, object] = {}
    exec("from motor import *", namespace)
    del namespace["__builtins__"]
    assert namespace == {name: getattr(motor_tornado, name) for name in motor_tornado.__all__}


@pytest.mark.parametrize(
    "name", ["core", "frameworks", "metaprogramming", "motor_asyncio", "motor_gridfs"]
)
def test_submodules_are_attributes_of_the_package_at_once(name: str) -> None:
    run_python(f"""
        import motor
        module = motor.{name}
        assert module.__name__ == "motor.{name}", module
    """)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="module 'motor' has no attribute 'nope'"):
        motor.nope  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'MotorNope'"):
        motor.MotorNope  # noqa: B018


def test_version_has_all_its_names() -> None:
    assert motor.version == motor.__version__ == motor.get_version_string()
    assert re.fullmatch(r"\d+\.\d+\.\d+", motor.version)
    assert motor.version_tuple == tuple(map(int, motor.version.split(".")))
    assert motor.version_tuple >= (3, 8, 0)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("3.8.0", (3, 8, 0)),
        ("3.8", (3, 8)),
        ("3.8.0.dev0", (3, 8, 0, ".dev0")),
        ("3.8.0b1", (3, 8, 0, "b1")),
    ],
)
def test_version_tuples_are_those_of_motor_3(text: str, parts: tuple[int | str, ...]) -> None:
    assert get_version_tuple(text) == parts


def test_what_is_no_version_has_no_tuple() -> None:
    with pytest.raises(ValueError, match="not 'dev'"):
        get_version_tuple("dev")


def test_tornado_is_none_or_the_module() -> None:
    assert motor.tornado is importlib.import_module("tornado")
    run_python(WITHOUT_TORNADO + "import motor\nassert motor.tornado is None")


@pytest.mark.parametrize(
    "module", ["motor", "motor.motor_asyncio", "motor.motor_gridfs", "motor.core"]
)
def test_asyncio_users_import_no_other_framework(module: str) -> None:
    run_python(f"""
        import sys
        import gridfs, pymongo
        # PyMongo may import what it finds installed.
        by_pymongo = set(sys.modules)
        import {module}
        imported = set(sys.modules) - by_pymongo
        others = {{"tornado", "aiohttp", "starlette", "mongomock", "pytest"}} & imported
        # Nor what encryption brings along, which takes longer than all of Motor.
        others |= {{"pymongocrypt", "cffi", "cryptography"}} & imported
        assert not others, others
    """)


def test_what_few_programs_need_is_imported_when_it_is_asked_for() -> None:
    run_python("""
        import sys
        from motor import motor_asyncio

        def loaded(*names):
            return {name for name in names if name in sys.modules}

        late = loaded("motor.core.encryption", "motor.core.gridfs", "motor.legacy", "motor.web")
        assert not late, late
        assert "AsyncIOMotorGridIn" in dir(motor_asyncio)
        client = motor_asyncio.AsyncIOMotorClient()
        bucket = motor_asyncio.AsyncIOMotorGridFSBucket(client.test)
        assert loaded("motor.core.gridfs") and not loaded("motor.core.encryption")
        # Made by what was asked for, not by its name.
        grid_in = bucket.open_upload_stream("name")
        assert type(grid_in) is motor_asyncio.AsyncIOMotorGridIn
        assert motor_asyncio.AsyncIOMotorClientEncryption.__module__ == motor_asyncio.__name__
        client.close()
    """)


def test_several_threads_are_given_the_same_classes() -> None:
    run_python("""
        import threading
        from motor import motor_asyncio

        found = []
        barrier = threading.Barrier(8)

        def ask():
            barrier.wait()
            cls = motor_asyncio.AsyncIOMotorGridFSBucket
            found.append((cls, cls.delete, cls.open_upload_stream))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8 and len(set(found)) == 1, found
    """)


def test_tornado_users_import_no_aiohttp() -> None:
    run_python("""
        import sys
        import motor.motor_tornado
        assert "tornado" in sys.modules
        assert "aiohttp" not in sys.modules
    """)


def test_package_works_without_tornado() -> None:
    run_python(
        WITHOUT_TORNADO
        + """
import motor, motor.motor_asyncio
from motor import *
assert motor.__all__ == []
assert motor.version in motor.get_version_string()
assert "version" in dir(motor)
client = motor.motor_asyncio.AsyncIOMotorClient()
client.close()
"""
    )


def test_names_for_tornado_are_missing_without_it() -> None:
    run_python(
        WITHOUT_TORNADO
        + """
import motor
assert not hasattr(motor, "MotorClient")
try:
    from motor import MotorClient
except ImportError:
    pass
else:
    raise AssertionError("imported")
try:
    motor.MotorClient
except AttributeError as error:
    assert "AsyncIOMotorClient" in str(error) and "Tornado" in str(error), error
"""
    )


@pytest.mark.parametrize("module", ["motor", "motor.motor_asyncio", "motor.motor_tornado"])
def test_import_makes_no_event_loop_and_no_thread(module: str) -> None:
    run_python(f"""
        import asyncio, threading

        def refuse(self, *args, **kwargs):
            raise AssertionError(f"made at import: {{self!r}}")

        asyncio.BaseEventLoop.__init__ = refuse
        threading.Thread.start = refuse
        import {module}
        if {module!r} == "motor":
            from motor import *
        assert threading.active_count() == 1
    """)


def test_import_order_does_not_matter() -> None:
    """Each module can be the first of Motor's to be imported."""
    modules = ["motor.core", "motor.executor", "motor.frameworks.tornado", "motor.metaprogramming"]
    modules += ["motor.operation", "motor.core.session"]
    modules += ["motor.motor_gridfs", "motor.core.gridfs.ranges", "motor.core.gridfs.bucket"]
    modules += ["motor.core.cursors.command_cursor", "motor.core.namespace", "motor.motor_tornado"]
    run_python(
        """
        import importlib, sys

        for name in sys.argv[1:]:
            for loaded in [each for each in sys.modules if each.partition(".")[0] == "motor"]:
                del sys.modules[loaded]
            importlib.import_module(name)
        """,
        *modules,
    )
