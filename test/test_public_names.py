"""The public names in doc/stability.rst are those in the modules' `__all__`, and are described."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

DOC = Path(__file__).parent.parent / "doc"
_CELL = r"((?:.*\n)(?: {7}.*\n)*)"


def listed(table: str) -> dict[str, set[str]]:
    """The modules in a table of the page, with the names that it lists for each."""
    text = (DOC / "stability.rst").read_text()
    rows = text.partition(f"   :name: {table}\n")[2].partition("\n\n\n")[0]
    rows = re.split(r"\n(?=\S)", rows)[0]
    found: dict[str, set[str]] = {}
    for modules, names in re.findall(rf"   \* - {_CELL}     - {_CELL}", rows + "\n"):
        for module in re.findall(r"``(motor[\w.]*)``", modules):
            found[module] = set(re.findall(r"``(\w+)``", names))
    return found


PUBLIC = listed("public")
FOR_PACKAGES = listed("public-for-packages")


def module_of(name: str) -> ModuleType:
    for package in ("tornado", "aiohttp"):
        if package in name:
            pytest.importorskip(package)
    if name == "motor.web":
        pytest.importorskip("tornado")
    return importlib.import_module(name)


def test_page_lists_the_modules() -> None:
    assert {"motor.motor_asyncio", "motor.motor_tornado", "motor.testing"} <= set(PUBLIC)
    assert "motor.metaprogramming" in FOR_PACKAGES


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_all_that_a_module_exports(name: str) -> None:
    module = module_of(name)
    assert set(module.__all__) == PUBLIC[name]


@pytest.mark.parametrize("name", [*PUBLIC, *FOR_PACKAGES])
def test_public_names_are_there_and_say_what_they_are(name: str) -> None:
    module = module_of(name)
    names = (PUBLIC | FOR_PACKAGES)[name]
    assert names
    values = {each: getattr(module, each) for each in names}
    assert [each for each in names if each not in module.__all__] == []
    assert [each for each, value in values.items() if callable(value) and not value.__doc__] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_reference_describes_public_names(name: str) -> None:
    # The classes for Tornado and of motor.legacy are those for asyncio again.
    if name in ("motor.motor_tornado", "motor.legacy"):
        pytest.skip("described with the classes for asyncio")
    text = "".join(page.read_text() for page in (DOC / "api").glob("*.rst"))
    missing = [each for each in PUBLIC[name] if f":: {name}.{each}\n" not in text]
    assert sorted(missing) == []


def test_reference_describes_functions_and_classes_that_are_public() -> None:
    text = "".join(page.read_text() for page in (DOC / "api").glob("*.rst"))
    described = re.findall(r":: (motor[\w.]*)\.(\w+)\n", text.replace("motor-class::", ""))
    assert ("motor.executor", "statistics") in described
    public = PUBLIC | FOR_PACKAGES
    assert [each for each in described if each[1] not in public[each[0]]] == []
