"""PyMongo's classes as its source declares them: signatures and annotations as syntax trees.

Imported objects lack what stubs need: overloads, type variables, and everything under
``if TYPE_CHECKING``.
"""

from __future__ import annotations

import ast
import copy
import functools
import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["PACKAGES", "Function", "Module", "Signature", "find_member", "module_of"]


#: Whose annotations are looked into.
PACKAGES = ("bson", "gridfs", "motor", "pymongo")

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """One module's source: what it imports, and what it defines at its top level."""

    def __init__(self, name: str) -> None:
        self.name = name
        tree = ast.parse(inspect.getsource(importlib.import_module(name)))
        self.imports: dict[str, tuple[str, str | None]] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.functions: dict[str, ast.FunctionDef] = {}
        self.assigned: dict[str, ast.expr] = {}
        self._read(tree.body)

    def _read(self, body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    self.imports[bound] = (alias.name if alias.asname else bound, None)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = (node.module or "", alias.name)
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name] = node
            elif isinstance(node, ast.FunctionDef):
                self.functions[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.assigned[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                if node.value is not None:
                    self.assigned[node.target.id] = node.value
            elif isinstance(node, ast.If):
                self._read([*node.body, *node.orelse])
            elif isinstance(node, ast.Try):
                self._read(node.body)

    def resolve(self, name: str) -> tuple[str, str | None]:
        """Where `name` is defined: a module and a name in it; None for a module itself.

        Follows imports as long as they stay in PyMongo's packages.
        """
        if name not in self.imports:
            known = name in self.classes or name in self.assigned or name in self.functions
            return (self.name if known else "builtins"), name
        module, original = self.imports[name]
        return follow(module, original)


def follow(module: str, name: str | None) -> tuple[str, str | None]:
    """Where ``module.name`` is defined."""
    if name is None or module.partition(".")[0] not in PACKAGES:
        return module, name
    try:
        importlib.import_module(f"{module}.{name}")
        return f"{module}.{name}", None
    except ImportError:
        pass
    found = module_of(module)
    return found.resolve(name) if name in found.imports else (module, name)


@functools.cache
def module_of(name: str) -> Module:
    """The source of the module `name`."""
    return Module(name)


@dataclass
class Signature:
    """How one member is declared: its definitions, several for overloads, and where.

    - `nodes`: definitions, or the one annotation of an attribute
    - `substitutions`: what the type variables of a generic base stand for in the class asked for
    """

    nodes: list[Function | ast.expr]
    module: Module
    substitutions: Mapping[str, ast.expr] = field(default_factory=dict)


def _definitions(cls: ast.ClassDef, name: str) -> list[Function]:
    found = [node for node in cls.body if isinstance(node, Function) and node.name == name]
    overloads = [node for node in found if "overload" in map(ast.unparse, node.decorator_list)]
    # A property's setter has the property's name too, and comes after it.
    return [copy.deepcopy(node) for node in overloads or found[:1]]


def _bases(cls: type) -> Iterator[tuple[type, dict[str, ast.expr]]]:
    """The class and its bases, with what the type variables of each stand for."""
    known: dict[type, dict[str, ast.expr]] = {cls: {}}
    for base in cls.__mro__:
        yield base, known.get(base, {})
        if not _is_ours(base):
            continue
        tree = module_of(base.__module__).classes.get(base.__name__)
        for written, actual in zip(tree.bases if tree else (), base.__bases__, strict=False):
            names = [p.__name__ for p in getattr(actual, "__parameters__", ())]
            if isinstance(written, ast.Subscript) and names:
                given = written.slice
                parts = given.elts if isinstance(given, ast.Tuple) else [given]
                known.setdefault(actual, dict(zip(names, parts, strict=False)))


def _is_ours(cls: type) -> bool:
    """Whether the class is PyMongo's or Motor's: its source can be read, and says enough."""
    return cls.__module__.partition(".")[0] in PACKAGES


def find_member(cls: type, name: str) -> Signature | None:
    """How `cls`, or the first of its bases that does, declares the member `name`."""
    for base, substitutions in _bases(cls):
        if name not in vars(base) and name not in inspect.get_annotations(base):
            continue
        if not _is_ours(base):
            return None
        module = module_of(base.__module__)
        tree = module.classes.get(base.__name__)
        if tree is None:
            return None
        definitions = _definitions(tree, name)
        if definitions:
            return Signature(list(definitions), module, substitutions)
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name:
                return Signature([copy.deepcopy(node.annotation)], module, substitutions)
            if (
                isinstance(node, ast.Assign)
                and ast.unparse(node.targets[0]) == name
                and isinstance(node.value, ast.Name)
                and node.value.id in vars(base)
            ):
                # Another name for a member, such as ``next = __next__``.
                return find_member(base, node.value.id)
        value = vars(base).get(name)
        if value is not None:
            return Signature([ast.Name(type(value).__name__)], module)
    return None
