"""Overloads that PyMongo does not have, for what its annotations do not say."""

from __future__ import annotations

import ast
import copy

from stubs.source import Function

__all__ = ["with_codec_options"]


def with_codec_options(nodes: list[ast.stmt]) -> list[ast.stmt]:
    """Overloads for a method that decodes with the `codec_options` it is given.

    PyMongo says of such a method that it decodes like the object that it was called on.
    """
    if len(nodes) != 1 or not isinstance(nodes[0], Function):
        return nodes
    plain = nodes[0]
    arguments = [a.arg for a in plain.args.args]
    returns = ast.unparse(plain.returns) if plain.returns is not None else ""
    if "codec_options" not in arguments or "[_DocumentType]" not in returns:
        return nodes
    position = arguments.index("codec_options")
    plain.decorator_list.append(ast.Name("overload"))
    given = copy.deepcopy(plain)
    annotation = plain.args.args[position].annotation
    assert isinstance(annotation, ast.BinOp), ast.unparse(plain)
    plain.args.args[position].annotation = ast.Constant(None)
    # Without its default, so those before it cannot have one; those after it become keywords.
    given.args.args[position].annotation = copy.deepcopy(annotation.left)
    variable = ast.unparse(annotation.left).partition("[")[2].rstrip("]")
    text = returns.replace("_DocumentType]", f"{variable}]")
    given.returns = ast.parse(text, mode="eval").body
    _require(given.args, position)
    return [plain, given]


def _require(arguments: ast.arguments, position: int) -> None:
    """Make the argument at `position` one without a default."""
    defaults_begin = len(arguments.args) - len(arguments.defaults)
    if position == defaults_begin:
        del arguments.defaults[0]
        return
    # After one that has a default, it can be required only as a keyword.
    arguments.kwonlyargs = [*arguments.args[position:], *arguments.kwonlyargs]
    moved = arguments.defaults[position - defaults_begin :]
    arguments.kw_defaults = [None, *moved[1:], *arguments.kw_defaults]
    arguments.args = arguments.args[:position]
    arguments.defaults = arguments.defaults[: position - defaults_begin]
