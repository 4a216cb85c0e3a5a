"""The pytest plugin in a project of its own, with each of the usual runners."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pymongo
import pytest

import motor
from support import PATIENCE

#: Where the tested Motor is: the project is elsewhere.
PACKAGES = Path(motor.__file__).parent.parent

PLUGIN = "motor.testing.pytest_plugin"

#: What the installed package has pytest load.
LOADED = "motor_pytest"

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run pytest on a project with the files given; what it has printed."""

    def run(
        files: dict[str, str],
        *arguments: str,
        plugins: tuple[str, ...] = (),
        fails: bool = False,
        loads: str = PLUGIN,
        **environment: str | None,
    ) -> str:
        for name, text in files.items():
            (tmp_path / name).write_text(dedent(text))
        (tmp_path / "pytest.ini").touch()
        variables = {**os.environ, "PYTHONPATH": str(PACKAGES), **environment}
        variables.pop("PYTEST_ADDOPTS", None)
        # No others that happen to be installed: some take a second to import.
        variables["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        named = ["-p", loads, *(part for name in plugins for part in ("-p", name))]
        command = [sys.executable, "-m", "pytest", "-W", "error", "-rA", "-s", *named, *arguments]
        result = subprocess.run(
            command,
            cwd=tmp_path,
            env={name: value for name, value in variables.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (result.returncode != 0) is fails, result.stdout + result.stderr
        return result.stdout + result.stderr

    return run


def requires(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def test_pytest_asyncio(run: Run, mongo_uri: str) -> None:
    requires("pytest_asyncio")
    files = {
        "pytest.ini": """
            [pytest]
            asyncio_mode = auto
            asyncio_default_fixture_loop_scope = function
        """,
        "test_it.py": """
            from motor.motor_asyncio import AsyncIOMotorDatabase

            async def test_one(motor_db):
                assert type(motor_db) is AsyncIOMotorDatabase
                await motor_db.test.insert_one({"_id": 1})
                assert await motor_db.test.count_documents({}) == 1

            async def test_another_loop(motor_db):
                assert await motor_db.test.count_documents({}) == 0
        """,
    }
    assert "2 passed" in run(files, plugins=("pytest_asyncio.plugin",), MONGODB_URI=mongo_uri)


def test_anyio(run: Run, mongo_uri: str) -> None:
    requires("anyio")
    files = {
        "conftest.py": """
            import pytest

            @pytest.fixture
            def anyio_backend():
                return "asyncio"
        """,
        "test_it.py": """
            import pytest

            pytestmark = pytest.mark.anyio

            @pytest.fixture
            async def filled(motor_db):
                await motor_db.test.insert_one({"_id": 1})
                return motor_db.test

            async def test_one(filled):
                assert await filled.find_one() == {"_id": 1}
        """,
    }
    assert "1 passed" in run(files, plugins=("anyio.pytest_plugin",), MONGODB_URI=mongo_uri)


def test_tornado(run: Run, mongo_uri: str) -> None:
    requires("tornado")
    files = {
        "pytest.ini": """
            [pytest]
            motor_framework = tornado
        """,
        "test_it.py": """
            import pytest
            from tornado import testing, web
            from motor.motor_tornado import MotorDatabase

            class Count(web.RequestHandler):
                async def get(self):
                    self.write(str(await self.settings["db"].test.count_documents({})))

            class TestCount(testing.AsyncHTTPTestCase):
                @pytest.fixture(autouse=True)
                def use_db(self, motor_db):
                    self.db = motor_db

                def get_app(self):
                    return web.Application([("/", Count)], db=self.db)

                def test_get(self):
                    assert type(self.db) is MotorDatabase
                    assert self.fetch("/").body == b"0"

                @testing.gen_test
                def test_yield(self):
                    yield self.db.test.insert_one({})
                    response = yield self.http_client.fetch(self.get_url("/"))
                    assert response.body == b"1"
        """,
    }
    assert "2 passed" in run(files, MONGODB_URI=mongo_uri)


PLAIN = """
    import asyncio

    def test_it(motor_db):
        asyncio.run(main(motor_db))

    async def main(db):
        print("used", db.name)
        await db.test.insert_one({})
"""


def test_no_runner_and_a_server_for_the_run(run: Run) -> None:
    text = run({"test_it.py": PLAIN}, MONGODB_URI=None)
    assert "1 passed" in text


def test_databases_are_dropped_and_others_are_left_alone(
    run: Run, mongo_uri: str, sync_client: pymongo.MongoClient[Any], sync_db: Any
) -> None:
    sync_db.test.insert_one({})
    text = run({"test_it.py": PLAIN}, MONGODB_URI=mongo_uri)
    used = re.search(r"used (test_\w{32})", text)
    assert used is not None
    names = sync_client.list_database_names()
    assert used[1] not in names
    assert sync_db.name in names


def test_what_a_test_did_not_wait_for_does_not_come_back(
    run: Run, mongo_uri: str, sync_client: pymongo.MongoClient[Any]
) -> None:
    files = {
        "test_it.py": """
            import asyncio

            def test_it(motor_db):
                asyncio.run(main(motor_db))

            async def main(db):
                print("used", db.name)
                for _ in range(50):
                    db.test.insert_one({})
        """
    }
    text = run(files, MONGODB_URI=mongo_uri)
    used = re.search(r"used (test_\w{32})", text)
    assert used is not None
    assert used[1] not in sync_client.list_database_names()


def test_projects_change_fixtures(run: Run, mongo_uri: str) -> None:
    files = {
        "conftest.py": f"""
            import pytest

            @pytest.fixture(scope="session")
            def mongo_uri():
                return {mongo_uri!r}

            @pytest.fixture(scope="session")
            def motor_client_options():
                return {{"appname": "mine", "tz_aware": True}}
        """,
        "test_it.py": """
            def test_it(motor_client, motor_db):
                assert motor_client.options.pool_options.appname == "mine"
                assert motor_db.codec_options.tz_aware
        """,
    }
    # A server that is not there, to show that it is not asked.
    text = run(files, MONGODB_URI="mongodb://127.0.0.1:1")
    assert "1 passed" in text


def test_without_any_mongod_the_error_says_what_to_do(run: Run, tmp_path: Path) -> None:
    text = run(
        {"test_it.py": PLAIN},
        fails=True,
        MONGODB_URI=None,
        MOTOR_MONGOD=str(tmp_path / "none"),
    )
    assert "MongodNotFound: MOTOR_MONGOD is" in text


def test_a_framework_that_is_none_is_refused(run: Run, mongo_uri: str) -> None:
    files = {"pytest.ini": "[pytest]\nmotor_framework = trio\n", "test_it.py": PLAIN}
    text = run(files, fails=True, MONGODB_URI=mongo_uri)
    assert "motor_framework must be one of asyncio, tornado, not 'trio'" in text


def test_projects_without_motor_pay_nothing(run: Run) -> None:
    files = {
        "test_it.py": """
            import sys

            def test_it():
                loaded = {"motor.core", "pymongo", "tornado", "motor.executor"} & set(sys.modules)
                assert loaded == set()
        """
    }
    assert "1 passed" in run(files)


def test_fixtures_are_documented(run: Run) -> None:
    text = run({}, "--fixtures")
    for name in ("mongo_uri", "motor_client", "motor_client_options", "motor_db"):
        assert re.search(rf"^{name}\b", text, re.MULTILINE), name
        assert not re.search(rf"^{name}\b.*\n +no docstring", text, re.MULTILINE)


def test_pytest_finds_the_plugin_by_itself() -> None:
    found = {
        point.value
        for distribution in importlib.metadata.distributions(name="motor")
        if Path(str(distribution.locate_file("motor"))) == PACKAGES / "motor"
        for point in distribution.entry_points.select(group="pytest11")
    }
    if not found:
        pytest.skip("runs from a checkout that is not installed")
    assert found == {LOADED}


def test_what_pytest_loads_has_the_fixtures(run: Run) -> None:
    text = run({"test_it.py": PLAIN}, "--fixtures", loads=LOADED)
    assert re.search(r"^motor_db\b", text, re.MULTILINE)
    # It may be named besides.
    text = run({"test_it.py": PLAIN}, "--fixtures", loads=LOADED, plugins=(PLUGIN,))
    assert re.search(r"^motor_db\b", text, re.MULTILINE)


@pytest.mark.parametrize(
    "code",
    [
        # As in Motor 3: there is no such module, although another Motor is installed.
        "import sys\nsys.modules['motor.testing'] = None\n",
        "raise AttributeError('no such name in this PyMongo')\n",
    ],
    ids=["has no plugin", "cannot be imported"],
)
def test_pytest_starts_where_another_motor_comes_first(run: Run, tmp_path: Path, code: str) -> None:
    (tmp_path / "motor").mkdir()
    files = {"motor/__init__.py": code, "test_it.py": "def test_it():\n    pass\n"}
    text = run(files, loads=LOADED, PYTHONPATH=os.pathsep.join([str(tmp_path), str(PACKAGES)]))
    assert "1 passed" in text
    assert "no fixtures of Motor: " in text
