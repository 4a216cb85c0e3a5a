"""Find the calls of the PyMongo 2 era in source code, from its syntax tree, without running it.

A name as common as ``update`` or ``remove`` is reported only where the object is known, or its name
says, that it belongs to MongoDB, or where the arguments could be meant for nothing else.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from motor.legacy import vocabulary
from motor.legacy.receivers import CLIENT_CLASSES, Guess, Kind, Names, last_name
from motor.legacy.shapes import fits, is_unmistakable
from motor.legacy.vocabulary import Advice

__all__ = ["Finding", "scan_file", "scan_source"]

#: They call what is their first argument: ``yield motor.Op(db.things.insert, document)``.
_CALLERS = ("Op", "Task")
#: A module that imports one of these, and none of the next, may call anything "db".
_OTHER_DATABASES = {
    "aiomysql", "aioredis", "aiosqlite", "asyncpg", "cassandra", "databases", "django",
    "elasticsearch", "flask_sqlalchemy", "mysql", "peewee", "pony", "prisma", "psycopg", "psycopg2",
    "redis", "sqlalchemy", "sqlite3", "sqlmodel", "surrealdb", "tinydb", "tortoise",
}  # fmt: skip
_MONGODB = {"bson", "gridfs", "motor", "pymongo"}
#: A comment that silences what is found in its line.
IGNORE = "motor: ignore"


@dataclass(frozen=True)
class Finding:
    """One old call, where it stands, and what to write instead."""

    path: str
    #: Counted from 1, both.
    line: int
    column: int
    #: The call as one would name it, such as ``collection.insert()``.
    what: str
    replacement: str
    #: The page and anchor of the guide.
    link: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}:{self.column}"
        return f"{where}: {self.what}: {self.replacement} ({self.link})"


def scan_file(path: Path) -> list[Finding]:
    """The old calls in a file, in order.

    Raises OSError, SyntaxError or UnicodeDecodeError for what cannot be read, or is not Python.
    """
    # Read as bytes, as only the parser knows about the encoding that a file may declare.
    return scan_source(path.read_bytes(), str(path))


def scan_source(source: str | bytes, path: str = "<source>") -> list[Finding]:
    """The old calls in a module's source, in order.

    - `path`: the name that findings and errors give it

    Raises SyntaxError for what is not Python.
    """
    with warnings.catch_warnings():
        # What Python thinks of a backslash in old code is no news to anyone.
        warnings.simplefilter("ignore")
        tree = ast.parse(source, path)
    lines = (source.encode() if isinstance(source, str) else source).splitlines()
    imported = _imported(tree)
    about_mongodb = not imported.isdisjoint(_MONGODB)
    about_another = not (about_mongodb or imported.isdisjoint(_OTHER_DATABASES))
    scanner = _Scanner(path, Names(names_tell=not about_another, about_mongodb=about_mongodb))
    scanner.visit(tree)
    silent = {n for n, line in enumerate(lines, 1) if IGNORE.encode() in line}
    return sorted({f for f in scanner.findings if f.line not in silent}, key=astuple)


def _imported(tree: ast.Module) -> set[str]:
    """The packages that a module imports from."""
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported.add(node.module.partition(".")[0])
    return imported


class _Scanner(ast.NodeVisitor):
    """Walks through a module in the order of its text."""

    def __init__(self, path: str, names: Names) -> None:
        self.path = path
        self.findings: list[Finding] = []
        self.names = names
        #: Calls, and the values of calls, whose value is awaited or yielded.
        self._awaited: set[ast.AST] = set()

    def report(self, node: ast.expr | ast.stmt | ast.alias, what: str, advice: Advice) -> None:
        # A chain of calls begins lines above the name that is meant.
        line, column = node.lineno, node.col_offset + 1
        if isinstance(node, ast.Attribute) and node.end_lineno and node.end_col_offset:
            line, column = node.end_lineno, node.end_col_offset - len(node.attr) + 1
        self.findings.append(
            Finding(self.path, line, column, what, advice.replacement, advice.link)
        )

    # Scopes and names.

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        defaults = (*node.args.defaults, *filter(None, node.args.kw_defaults))
        for each in (*node.decorator_list, *defaults):
            self.visit(each)
        outer, self.names = self.names, self.names.inner()
        self.names.declare_parameters(node.args)
        for statement in node.body:
            self.visit(statement)
        self.names = outer

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        outer, self.names = self.names, self.names.inner()
        self.names.declare_parameters(node.args)
        self.visit(node.body)
        self.names = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        outer, self.names = self.names, self.names.class_body(node)
        self.generic_visit(node)
        self.names = outer

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._visit_target(target)
            self.names.assign(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._visit_target(node.target)
            self.names.assign(node.target, node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self._visit_target(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.names.assign(node.target, node.value)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        for name in ast.walk(node.target):
            if isinstance(name, ast.Name):
                self.names.declare(name, Guess(Kind.UNKNOWN, sure=False))
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    visit_AsyncFor = visit_For

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self.names.assign(node.optional_vars, node.context_expr)

    # Imports.

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            module = alias.name if alias.asname else root
            self.names.import_module(module, alias.asname or root)
            self._check_import(node, alias.name, None)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or node.module is None:
            return
        for alias in node.names:
            self.names.import_module(f"{node.module}.{alias.name}", alias.asname or alias.name)
            self._check_import(alias, node.module, alias.name)

    def _check_import(self, node: ast.stmt | ast.alias, module: str, name: str | None) -> None:
        advice = vocabulary.gone_import(module, name)
        if advice is not None:
            what = f"import {module}" if name is None else f"from {module} import {name}"
            self.report(node, what, advice)

    # Calls.

    def visit_Await(self, node: ast.Await | ast.Yield | ast.YieldFrom) -> None:
        if node.value is not None:
            self._awaited.add(node.value)
        self.generic_visit(node)

    visit_Yield = visit_YieldFrom = visit_Await

    def visit_Call(self, node: ast.Call) -> None:
        self._check_call(node)
        if last_name(node.func) in _CALLERS and node.args:
            passed_on = ast.Call(node.args[0], node.args[1:], node.keywords)
            self._awaited.add(passed_on)
            self._check_call(ast.copy_location(passed_on, node))
        if isinstance(node.func, ast.Attribute):
            # The method's name itself is dealt with; what it is called on is still to be read.
            self.visit(node.func.value)
        else:
            self.visit(node.func)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.visit(argument)

    def _check_call(self, node: ast.Call) -> None:
        name = last_name(node.func)
        if name in CLIENT_CLASSES:
            self._check_client(node, name)
        if not isinstance(node.func, ast.Attribute):
            return
        owner = self.names.guess(node.func.value)
        if owner.kind is Kind.OTHER:
            return
        if owner.kind is Kind.MODULE:
            self._check_module_attribute(node.func)
            return
        advice = self._advice_for_method(node, name, owner)
        if advice is not None:
            self.report(node.func, advice.what, advice)
        else:
            for found in vocabulary.old_arguments(node, name, owner):
                self.report(node.func, found.what, found)

    def _advice_for_method(self, node: ast.Call, name: str, owner: Guess) -> Advice | None:
        for kind in vocabulary.kinds_with(name):
            if owner.kind is Kind.UNKNOWN:
                fitting = vocabulary.is_distinctive(name) or is_unmistakable(node, name, kind)
            else:
                fitting = owner.kind is kind and (
                    owner.sure
                    or vocabulary.is_distinctive(name)
                    or fits(node, kind, awaited=node in self._awaited)
                )
            if fitting:
                return vocabulary.member(kind, name)
        return None

    def _check_client(self, node: ast.Call, name: str) -> None:
        for found in vocabulary.old_client_arguments(node, name):
            self.report(node, found.what, found)

    # Attributes.

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = self.names.guess(node.value)
        if owner.kind is Kind.MODULE:
            self._check_module_attribute(node)
        else:
            advice = vocabulary.property_of(owner, node.attr)
            if advice is not None:
                self.report(node, advice.what, advice)
        self.generic_visit(node)

    def _check_module_attribute(self, node: ast.Attribute) -> None:
        advice = vocabulary.gone_attribute(node.attr)
        if advice is not None:
            self.report(node, advice.what, advice)

    def _visit_target(self, target: ast.expr) -> None:
        for each in _targets(target):
            # db.write_concern["w"] = 2 changed the write concern, too.
            inner = each.value if isinstance(each, ast.Subscript) else each
            if isinstance(inner, ast.Attribute):
                advice = vocabulary.assignment(self.names.guess(inner.value), inner.attr)
                if advice is not None:
                    self.report(inner, advice.what, advice)
                    continue
            if not isinstance(each, ast.Name):
                self.generic_visit(each)


def _targets(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _targets(each)
    elif isinstance(target, ast.Starred):
        yield from _targets(target.value)
    else:
        yield target
