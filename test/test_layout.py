"""The layout of the code: imports point one way, files are small, words are the field's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import motor

PACKAGE = Path(motor.__file__).parent
TESTS = Path(__file__).parent

#: Which folders of `motor` a folder's files import from, besides their own. A front is a file in
#: `motor` itself.
MAY_IMPORT = {
    "fronts": {"fronts", "core", "execution", "frameworks", "metaprogramming", "web", "testing"},
    "core": {"execution", "frameworks", "metaprogramming"},
    "execution": set(),
    "frameworks": {"execution"},
    "metaprogramming": set(),
    # Their own seams: what they fetch batches for, what keeps memory, and what PyMongo declares.
    # And `greenlets`, which takes calls and reads in the place of workers.
    "accelerators": {"core.cursors.reader", "core.fetching", "execution", "signatures"},
    "web": {"core", "execution", "fronts", "frameworks"},
    "testing": {"fronts", "core", "execution"},
    "legacy": {"core", "execution", "fronts", "frameworks", "metaprogramming", "web"},
}

#: The one line of the core that names accelerators, and the report that lists them; and the one
#: line that names the version.
EXCEPTIONS = {
    ("core/client.py", "accelerators"),
    ("__main__.py", "accelerators"),
    ("core/connecting.py", "_version"),
}


def imports(path: Path) -> set[str]:
    """The modules of Motor that a file imports, also for type checking only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = PACKAGE.parent.joinpath(*node.module.split("."), alias.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").exists()
                found.add(f"{node.module}.{alias.name}" if is_module else node.module)
    return {name for name in found if name == "motor" or name.startswith("motor.")}


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def room(module: str) -> str:
    parts = module.split(".")
    if parts[1:] in (["declarations"], ["originals"], ["signatures"]):
        # What class bodies declare, and members of others; metaprogramming carries that out.
        return "metaprogramming"
    if len(parts) > 1 and parts[1] in MAY_IMPORT:
        return parts[1]
    return "fronts"


def test_imports_point_one_way() -> None:
    wrong = []
    for module, path in modules().items():
        own = room(module)
        for name in imports(path):
            inner = name.removeprefix("motor.")
            file = str(path.relative_to(PACKAGE))
            allowed = room(name) == own or room(name) in MAY_IMPORT[own]
            if not allowed and inner not in MAY_IMPORT[own] and (file, inner) not in EXCEPTIONS:
                wrong.append(f"{file} imports {name}")
    assert wrong == []


def test_there_is_no_circle() -> None:
    found = modules()
    graph = {module: imports(path) & set(found) - {module} for module, path in found.items()}
    while True:
        leaves = {module for module, wanted in graph.items() if not wanted}
        if not leaves:
            break
        graph = {m: wanted - leaves for m, wanted in graph.items() if m not in leaves}
    assert graph == {}


@pytest.mark.parametrize(("folder", "most"), [(PACKAGE, 350), (TESTS, 500)])
def test_files_hold_one_concept_each(folder: Path, most: int) -> None:
    long = {
        str(path.relative_to(folder)): count
        for path in folder.rglob("*.py")
        if (count := len(path.read_text("utf-8").splitlines())) > most
    }
    assert long == {}


def test_hooks_of_the_process_are_in_one_place() -> None:
    hooks = re.compile(r"register_at_fork|import atexit|atexit\.register")
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if hooks.search(path.read_text("utf-8"))
    }
    assert found == {"execution/lifecycle.py"}
