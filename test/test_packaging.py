"""The metadata that pip reads, and the files that come along."""

from __future__ import annotations

import importlib.util
import tomllib
from importlib import metadata
from pathlib import Path

import pymongo
import pytest
from packaging.requirements import Requirement

from motor._version import version
from support import run_python

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PYPROJECT["project"]["optional-dependencies"]


def numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())


def test_version_is_written_down_once() -> None:
    assert version == "3.8.0"
    assert "version" not in PYPROJECT["project"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "motor._version.version"
    }


def test_installed_metadata_agrees_with_the_source() -> None:
    try:
        installed = metadata.metadata("motor")
    except metadata.PackageNotFoundError:
        pytest.skip("runs from a checkout that is not installed")
    assert installed["Version"] == version
    assert installed["Requires-Python"] == ">=3.11"
    assert installed["License-Expression"] == "Apache-2.0"
    assert set(installed.get_all("Provides-Extra")) == set(EXTRAS)


def test_requires_pymongo_from_4_13_and_below_5() -> None:
    assert "pymongo>=4.13,<5" in PYPROJECT["project"]["dependencies"]
    assert (4, 13) <= numbers(pymongo.version) < (5,)


def test_requires_greenlet_where_it_is_used() -> None:
    greenlet, pymongo_itself = PYPROJECT["project"]["dependencies"]
    assert pymongo_itself.startswith("pymongo")
    requirement = Requirement(greenlet)
    assert requirement.name == "greenlet"
    assert requirement.marker is not None
    cpython = {"platform_python_implementation": "CPython"}
    assert requirement.marker.evaluate({**cpython, "sys_platform": "linux"})
    assert requirement.marker.evaluate({**cpython, "sys_platform": "darwin"})
    assert not requirement.marker.evaluate({**cpython, "sys_platform": "win32"})


def test_oldest_pymongo_in_tox_is_the_oldest_allowed() -> None:
    assert "deps = pymongo==4.13.0" in (ROOT / "tox.ini").read_text()


@pytest.mark.parametrize("extra", ["aws", "encryption", "gssapi", "ocsp", "snappy", "zstd"])
def test_extra_is_passed_on_to_an_extra_that_pymongo_has(extra: str) -> None:
    assert EXTRAS[extra] == [f"pymongo[{extra}]>=4.13,<5"]
    assert extra in metadata.metadata("pymongo").get_all("Provides-Extra")


def test_other_extras() -> None:
    own = {"tornado", "aiohttp", "testing", "srv"}
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
    packaged = PYPROJECT["tool"]["setuptools"]["package-data"]
    assert packaged["motor.legacy"] == ["keywords.txt"]


def test_testing_needs_neither_pytest_nor_frameworks() -> None:
    run_python("""
        import sys
        import motor.testing
        unwanted = {"pytest", "mongomock", "aiohttp", "fiftyone"} & set(sys.modules)
        assert not unwanted, unwanted
    """)
