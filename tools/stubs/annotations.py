"""Turns PyMongo's annotations into those of stubs: resolves names, writes out private aliases, and
replaces PyMongo's classes by Motor's.
"""

from __future__ import annotations

import ast
import copy
import importlib
from collections.abc import Mapping

from stubs.source import PACKAGES, Module, follow, module_of

__all__ = ["Imports", "Translator"]

#: Private classes of PyMongo's that its public methods take or return, by the name that
#: ``motor.core.read_preference`` gives them.
_INTERNALS = {("pymongo.read_preferences", "_ServerMode"): "ServerMode"}

_BUILTIN_OF = {
    "Dict": "dict", "FrozenSet": "frozenset", "List": "list", "Set": "set", "Tuple": "tuple",
    "Type": "type",
}  # fmt: skip

_ABC_NAMES = {
    "AsyncIterator", "Awaitable", "Callable", "Coroutine", "Generator", "Iterable", "Iterator",
    "Mapping", "MutableMapping", "Sequence",
}  # fmt: skip


class Imports:
    """The imports of one stub, collected while it is written."""

    def __init__(self, own_module: str) -> None:
        self.own_module = own_module
        #: The names of the classes that the stub defines itself.
        self.defined: set[str] = set()
        self.origins: dict[str, tuple[str, str]] = {}
        self._reexported: set[str] = set()

    def name(self, module: str, name: str) -> str:
        """Import ``module.name``; the name it has in the stub."""
        if module in ("builtins", self.own_module):
            return name
        module = _public_module(module, name)
        if name not in self.defined:
            taken = self.origins.setdefault(name, (module, name))
            if taken == (module, name):
                return name
        alias = f"{module.replace('.', '_')}_{name}"
        self.origins[alias] = (module, name)
        return alias

    def reexport(self, module: str, name: str) -> None:
        """Let users import ``module.name`` from the stub's module."""
        self.origins[name] = (module, name)
        self._reexported.add(name)

    def lines(self) -> list[str]:
        """The statements, sorted by module."""
        by_module: dict[str, list[str]] = {}
        for bound, (module, name) in sorted(self.origins.items()):
            by_module.setdefault(module, []).append(
                f"{name} as {bound}" if bound != name or name in self._reexported else name
            )
        return [_import(module, names) for module, names in sorted(by_module.items())]


def _import(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 100:
        return line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in names), ")"])


def _public_module(module: str, name: str) -> str:
    public = module.replace(".synchronous.", ".")
    if public != module and hasattr(importlib.import_module(public), name):
        return public
    return module


class Translator(ast.NodeTransformer):
    """Rewrites annotations of one module for one stub.

    - `module`: where the annotations stand
    - `imports`: those of the stub
    - `motor_names`: the stub's name for each PyMongo class, by module and name
    - `substitutions`: what type variables stand for
    """

    def __init__(
        self,
        module: Module,
        imports: Imports,
        motor_names: Mapping[tuple[str, str], str],
        substitutions: Mapping[str, ast.expr],
    ) -> None:
        self.module = module
        self.imports = imports
        self.motor_names = motor_names
        self.substitutions = substitutions
        self.type_variables: set[str] = set()

    def translate(self, node: ast.expr) -> ast.expr:
        """The annotation as the stub says it."""
        result: ast.expr = self.visit(copy.deepcopy(node))
        return result

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, str):
            return self.translate(ast.parse(node.value, mode="eval").body)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.substitutions:
            return copy.deepcopy(self.substitutions[node.id])
        return self._in_full(*self.module.resolve(node.id))

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return self._in_full(*self._attribute(node))

    def _in_full(self, module: str, name: str | None) -> ast.expr:
        """The name; with arguments of Any where PyMongo leaves a generic class without any."""
        result = self._defined(module, name)
        own = (module, name) not in self.motor_names and module.startswith(("pymongo", "bson"))
        if own and isinstance(result, ast.Name):
            found = getattr(importlib.import_module(module), str(name), None)
            parameters: object = getattr(found, "__parameters__", None)
            if isinstance(found, type) and parameters:
                self.imports.name("typing", "Any")
                return ast.Subscript(result, ast.Name("Any"))
        return result

    def _attribute(self, node: ast.expr) -> tuple[str, str | None]:
        if isinstance(node, ast.Name):
            return self.module.resolve(node.id)
        assert isinstance(node, ast.Attribute), ast.dump(node)
        module, name = self._attribute(node.value)
        assert name is None, ast.unparse(node)
        return follow(module, node.attr)

    def _defined(self, module: str, name: str | None) -> ast.expr:
        assert name is not None, module
        if (module, name) in self.motor_names:
            return ast.Name(self.motor_names[module, name])
        if (module, name) in _INTERNALS:
            return ast.Name(
                self.imports.name("motor.core.read_preference", _INTERNALS[module, name])
            )
        if module.partition(".")[0] in PACKAGES:
            value = module_of(module).assigned.get(name)
            if isinstance(value, ast.Call) and ast.unparse(value.func) == "TypeVar":
                self.type_variables.add(name)
                return ast.Name(name)
            if value is not None and (name.startswith("_") or module.startswith("motor.")):
                return self._inlined(module, value)
            return ast.Name(self.imports.name(module, name))
        if module == "typing":
            name = _BUILTIN_OF.get(name, name)
            module = "builtins" if name in _BUILTIN_OF.values() else module
            module = "collections.abc" if name in _ABC_NAMES else module
        return ast.Name(self.imports.name(module, name))

    def _inlined(self, module: str, value: ast.expr, arguments: ast.expr | None = None) -> ast.expr:
        """What a type alias stands for, given its arguments."""
        inner = Translator(module_of(module), self.imports, self.motor_names, {})
        if arguments is not None:
            parts = arguments.elts if isinstance(arguments, ast.Tuple) else [arguments]
            inner.translate(value)
            variables = sorted(inner.type_variables)
            inner.substitutions = dict(zip(variables, map(self.translate, parts), strict=False))
            inner.type_variables.clear()
        result = inner.translate(value)
        self.type_variables |= inner.type_variables
        return result

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        origin = self._attribute(node.value)
        if origin == ("typing", "Optional"):
            return union([self.translate(node.slice), ast.Constant(None)])
        if origin == ("typing", "Union"):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return union([self.translate(part) for part in parts])
        if origin in (("typing", "Literal"), ("typing_extensions", "Literal")):
            return ast.Subscript(self._defined(*origin), node.slice)
        module, name = origin
        if name is not None and name.startswith("_") and module.startswith(("pymongo", "bson")):
            value = module_of(module).assigned.get(name)
            if value is not None:
                return self._inlined(module, value, node.slice)
        return ast.Subscript(self._defined(*origin), self.translate(node.slice))

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        return union([self.translate(node.left), self.translate(node.right)])


def union(parts: list[ast.expr]) -> ast.expr:
    """The union of the annotations, without duplicates, None at its end."""
    flat: dict[str, ast.expr] = {}
    for part in parts:
        for piece in _pieces(part):
            flat.setdefault(ast.unparse(piece), piece)
    none = flat.pop("None", None)
    ordered = [*flat.values(), *([none] if none is not None else [])]
    result = ordered[0]
    for piece in ordered[1:]:
        result = ast.BinOp(result, ast.BitOr(), piece)
    return result


def _pieces(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_pieces(node.left), *_pieces(node.right)]
    return [node]
