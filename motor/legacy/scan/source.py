"""Turn source code into a syntax tree, also code that is not Python 3.

Old code is often Python 2. No maintained library has a grammar of Python 2 any more, so the
statements that Python 2 wrote in another way are rewritten here, and a line that cannot be read is
left out. Every line stays where it was: findings are reported at the line of the file.
"""

from __future__ import annotations

import ast
import re
import tokenize
import warnings
from dataclasses import dataclass
from io import BytesIO

__all__ = ["Parsed", "parse"]

#: What Python 2 wrote in another way. The results need not mean the same, only be readable: a tuple
#: in place of ``print x`` and ``raise X, y``. They are as wide, so that columns stay what they are.
_REPAIRS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in {
        r"\bexcept\s+(.+?)\s*,\s*([A-Za-z_]\w*)\s*:": r"except \1 as \2:",
        r"\bprint(?:\s(?=\s*[^\s(=)\]}.,;:>])|(?=[\"'`]))": "print,",
        r"\bexec(?:\s(?!\s*\()|(?=[\"']))": "exec,",
        r"\braise\s(?=\s*[\w.]+\s*,)": "None, ",
        r"`([^`]*)`": r"(\1)",
        r"<>": "!=",
        r"(?<![\w.])0+([0-7]+)(?![\w.])": r"0o\1",
        r"(?<![\w.])(0[xX][\da-fA-F]+|0o[0-7]+|\d+)[lL]\b": r"\1",
        r"\b[uU][rR](?=[\"'])": "r",
        # A name in Python 2: fsync(async=True).
        r"\basync\b(?!\s+(?:def|for|with)\b)": "async_",
    }.items()
]
#: Parameters that are tuples: ``def f(x, (a, b)):``, ``lambda (a, b): …``.
_HAS_PARAMETERS = re.compile(r"\b(?:def|lambda)\b")
_TUPLE_PARAMETER = re.compile(r"((?:\blambda|[(,])\s*)\((\w+(?:\s*,\s*\w+)*),?\)")
_BLOCK_IS_MISSING = re.compile(r"expected .* block after .* on line (\d+)")
#: How many lines are left out before a file is given up.
_MOST = 1000


@dataclass(frozen=True)
class Parsed:
    """A syntax tree, and what was done to get it.

    - `error`: why the source is not Python 3; None if it is
    - `left_out`: the numbers of the lines that could not be read
    """

    tree: ast.Module
    error: SyntaxError | ValueError | None = None
    left_out: frozenset[int] = frozenset()


def parse(source: str | bytes, path: str = "<source>") -> Parsed:
    """The syntax tree of a module.

    - `path`: the name that errors give it

    Raises SyntaxError or ValueError when too little of it can be read.
    """
    with warnings.catch_warnings():
        # A backslash in a text of old code gives a warning, which is of no use here.
        warnings.simplefilter("ignore")
        try:
            return Parsed(ast.parse(source, path))
        except (SyntaxError, ValueError) as error:
            # Python 3.11 reports a null byte as ValueError.
            return _parse_repaired(_text(source), path, error)


def _text(source: str | bytes) -> str:
    text = source if isinstance(source, str) else _decoded(source)
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def _decoded(source: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(source).readline)
        return source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        # Any byte is a character of this encoding.
        return source.decode("latin-1")


def _parse_repaired(text: str, path: str, error: SyntaxError | ValueError) -> Parsed:
    lines = [_repaired(line) for line in text.split("\n")]
    left_out: set[int] = set()
    for _ in range(_MOST):
        try:
            return Parsed(ast.parse("\n".join(lines), path), error, frozenset(left_out))
        except SyntaxError as found:
            if not _leave_out(lines, found, left_out):
                break
    raise error


def _repaired(line: str) -> str:
    # Python 2 let code mix spaces and tabs.
    code = line.lstrip(" \t")
    line = line[: len(line) - len(code)].expandtabs(8) + code
    for pattern, replacement in _REPAIRS:
        line = pattern.sub(replacement, line)
    if _HAS_PARAMETERS.search(line):
        line = _TUPLE_PARAMETER.sub(r"\1\2", line)
    return line


def _leave_out(lines: list[str], error: SyntaxError, left_out: set[int]) -> bool:
    """Leave out the line that an error is in. Returns whether there was a line."""
    number = min(error.lineno or len(lines), len(lines))
    header = _BLOCK_IS_MISSING.match(error.msg)
    if header is not None:
        number = int(header[1])
    while number and number in left_out and not lines[number - 1].strip():
        # The line is empty already: the error began above.
        number -= 1
    if not number:
        return False
    if number in left_out:
        lines[number - 1] = ""
    else:
        # The block that the line was in may need a statement.
        code = lines[number - 1].lstrip()
        lines[number - 1] = lines[number - 1][: -len(code) or None] + "pass"
        left_out.add(number)
    return True
