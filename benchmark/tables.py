"""Tables, in Markdown and in reStructuredText."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_RANGE = re.compile(r"(?<=\d)\N{EN DASH}(?=\d)")


@dataclass(frozen=True)
class Table:
    """Rows of text below a header. Code is marked as in Markdown, by single backticks.

    In reStructuredText, a cell may have several lines.

    - `widths`: of the columns in reStructuredText, in percent. None: as they come
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[int] | None = None

    def to_markdown(self) -> str:
        """The table with its title, as a section."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
        table = "\n".join(f"| {' | '.join(line)} |" for line in cells)
        return f"### {self.title}\n\n{table}\n"

    def to_rst(self) -> str:
        """The table with its title, as a `list-table`."""
        lines = [f".. list-table:: {_rst(self.title)}".rstrip(), "   :header-rows: 1"]
        if self.widths is not None:
            lines.append(f"   :widths: {' '.join(map(str, self.widths))}")
        lines.append("")
        for row in (self.header, *self.rows):
            for number, cell in enumerate(row):
                mark = "   * -" if number == 0 else "     -"
                text = _rst(cell).replace("\n", "\n       ")
                lines.append(f"{mark} {text}".rstrip())
        return "\n".join(lines) + "\n"


def _rst(text: str) -> str:
    # In a narrow column, a line may break before a range, and not within it.
    unbroken = _RANGE.sub("\N{WORD JOINER}\N{EN DASH}\N{WORD JOINER}", text)
    return unbroken.replace("`", "``")
