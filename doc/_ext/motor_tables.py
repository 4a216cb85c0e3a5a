"""Tables of code: their cells stand one below the other, because side by side they do not fit.

A table with code blocks in its cells gets the class ``code-pairs``, and each of its cells the title
of its column, so that the row of titles can be hidden. The rest is in ``_static/motor.css``.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.transforms import SphinxTransform


class StackCode(SphinxTransform):
    """Mark the tables with code, and label their cells."""

    default_priority = 700

    def apply(self, **kwargs: Any) -> None:
        """Mark the tables of one page."""
        for table in self.document.findall(nodes.table):
            head = next(table.findall(nodes.thead), None)
            if head is None or not any(table.findall(nodes.literal_block)):
                continue
            table["classes"].append("code-pairs")
            titles = [entry.deepcopy().children for entry in head.findall(nodes.entry)]
            for row in next(table.findall(nodes.tbody)).findall(nodes.row):
                for entry, title in zip(row.findall(nodes.entry), titles, strict=False):
                    label = nodes.container(classes=["code-pairs-label"])
                    label += [child.deepcopy() for child in title]
                    entry.insert(0, label)


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_transform(StackCode)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
