"""Charts on a narrow screen: each scrolls by itself, because scaled-down text cannot be read.

An SVG image that stands alone gets a container with the class ``chart``. The rest, and what makes
it readable on a dark page, is in ``_static/motor.css``.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.transforms import SphinxTransform


class WrapCharts(SphinxTransform):
    """Put each chart into a container of its own."""

    default_priority = 700

    def apply(self, **kwargs: Any) -> None:
        """Wrap the charts of one page."""
        for image in list(self.document.findall(nodes.image)):
            if image["uri"].endswith(".svg"):
                image.replace_self(nodes.container("", image.deepcopy(), classes=["chart"]))


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_transform(WrapCharts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
