"""Stubs as text."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from motor.originals import own_part
from stubs.classes import StubClass
from stubs.source import Function

__all__ = ["TYPE_VARIABLES", "class_lines", "function_lines", "type_variable_lines"]

_WIDTH = 100
_INDENT = "    "

#: The type variables that stubs declare: their bounds and defaults.
TYPE_VARIABLES = {
    "_DocumentType": "bound=Mapping[str, Any], default=dict[str, Any]",
    "_DocumentTypeArg": "bound=Mapping[str, Any]",
    "_CodecDocumentType": "bound=Mapping[str, Any]",
    "_FileType": 'default="AgnosticGridOut"',
    "_ItemType": "default=dict[str, Any]",
    "_T": "",
}


def type_variable_lines(names: Iterable[str]) -> Iterator[str]:
    """The declarations of the type variables."""
    for name in sorted(names):
        options = TYPE_VARIABLES[name]
        yield f'{name} = TypeVar("{name}"{", " if options else ""}{options})'


def class_lines(stub: StubClass) -> Iterator[str]:
    """The definition of a class."""
    bases = ", ".join(ast.unparse(base) for base in stub.bases)
    comment = _comment(stub.ignores.get(""))
    yield f"class {stub.name}({bases}):{comment}" if bases else f"class {stub.name}:{comment}"
    doc = inspect.getdoc(stub.runtime) if stub.runtime is not None else None
    if doc:
        yield from _doc_lines(doc, _INDENT)
    if not stub.members:
        yield f"{_INDENT}..."
    for name, nodes in stub.members.items():
        doc = stub.docs.get(name) or _member_doc(stub.runtime, name)
        for node in nodes:
            if isinstance(node, Function):
                # Errors about overloads are reported at the first one.
                comment = _comment(stub.ignores.get(name)) if node is nodes[0] else ""
                yield from function_lines(node, doc, _INDENT, comment)
            else:
                yield f"{_INDENT}{ast.unparse(node)}{_comment(stub.ignores.get(name))}"


def _comment(codes: str | None) -> str:
    return f"  # type: ignore[{codes}]" if codes else ""


def _member_doc(cls: Any, name: str) -> str | None:
    member = inspect.getattr_static(cls, name, None)
    if name.startswith("_") or not (callable(member) or isinstance(member, property)):
        return None
    return own_part(inspect.getdoc(member) or "")


def _doc_lines(doc: str, indent: str) -> Iterator[str]:
    lines = doc.splitlines()
    if len(lines) == 1 and len(doc) + len(indent) + 6 <= _WIDTH:
        yield f'{indent}"""{doc}"""'
        return
    yield from textwrap.indent(f'"""{doc}\n"""', indent).splitlines()


def function_lines(
    node: Function, doc: str | None, indent: str = "", comment: str = ""
) -> Iterator[str]:
    """A definition without a body."""
    for decorator in node.decorator_list:
        yield f"{indent}@{ast.unparse(decorator)}{comment}"
        comment = ""
    keyword = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    parts = list(_parameters(node.args))
    end = ":" if doc else ": ..."
    line = f"{indent}{keyword} {node.name}({', '.join(parts)}){returns}{end}"
    if len(line) <= _WIDTH:
        yield f"{line}{comment}"
    else:
        yield f"{indent}{keyword} {node.name}({comment}"
        for part in parts:
            yield f"{indent}{_INDENT}{part},"
        yield f"{indent}){returns}{end}"
    if doc:
        yield from _doc_lines(doc, indent + _INDENT)


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    padding: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults = [*padding, *arguments.defaults]
    for number, (argument, default) in enumerate(zip(positional, defaults, strict=True), 1):
        yield _parameter(argument, default)
        if number == len(arguments.posonlyargs):
            yield "/"
    if arguments.vararg is not None:
        yield f"*{_parameter(arguments.vararg, None)}"
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument, default)
    if arguments.kwarg is not None:
        yield f"**{_parameter(arguments.kwarg, None)}"


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    if argument.annotation is None:
        return argument.arg if default is None else f"{argument.arg}={ast.unparse(default)}"
    text = f"{argument.arg}: {ast.unparse(argument.annotation)}"
    return text if default is None else f"{text} = {ast.unparse(default)}"
