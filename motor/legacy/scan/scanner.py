"""Find the calls of the PyMongo 2 era in source code, without running it."""

from __future__ import annotations

import ast
from dataclasses import astuple
from pathlib import Path

from motor.legacy.scan.findings import Finding, Report
from motor.legacy.scan.receivers import Scope
from motor.legacy.scan.source import parse
from motor.legacy.scan.walker import Walker

__all__ = ["IGNORE", "report_on", "scan_file", "scan_source"]

#: In a module that imports one of these, and none of the next, a "db" may be anything.
_OTHER_DATABASES = {
    "aiomysql", "aioredis", "aiosqlite", "asyncpg", "cassandra", "databases", "django",
    "elasticsearch", "flask_sqlalchemy", "mysql", "peewee", "pony", "prisma", "psycopg", "psycopg2",
    "redis", "sqlalchemy", "sqlite3", "sqlmodel", "surrealdb", "tinydb", "tortoise",
}  # fmt: skip
_MONGODB = {"bson", "gridfs", "motor", "pymongo"}
#: A comment that silences what is found in its line.
IGNORE = "motor: ignore"


def scan_file(path: Path) -> list[Finding]:
    """The old calls in a file, in order, as far as it can be read.

    Raises OSError, SyntaxError or ValueError for a file of which nothing can be read.
    """
    # As bytes: the parser knows about the encoding that a file may declare.
    return report_on(path.read_bytes(), str(path)).findings


def scan_source(source: str | bytes, path: str = "<source>") -> list[Finding]:
    """The old calls in a module's source, in order, as far as it can be read.

    - `path`: the name that findings and errors give it

    Raises SyntaxError or ValueError for a source of which nothing can be read.
    """
    return report_on(source, path).findings


def report_on(source: str | bytes, path: str) -> Report:
    """What is found in a module's source; see `scan_source`."""
    parsed = parse(source, path)
    lines = (source.encode() if isinstance(source, str) else source).splitlines()
    silent = {n for n, line in enumerate(lines, 1) if IGNORE.encode() in line}
    imported = _imported(parsed.tree)
    about_mongodb = not imported.isdisjoint(_MONGODB)
    about_another = not (about_mongodb or imported.isdisjoint(_OTHER_DATABASES))
    scope = Scope(names_tell=not about_another, about_mongodb=about_mongodb)
    walker = Walker(path, scope, imports_motor="motor" in imported)
    walker.walk(parsed.tree)
    found = {each for each in walker.findings if each.line not in silent}
    return Report(sorted(found, key=astuple), parsed.error, parsed.left_out)


def _imported(tree: ast.Module) -> set[str]:
    """The packages that a module imports from."""
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported.add(node.module.partition(".")[0])
    return imported
