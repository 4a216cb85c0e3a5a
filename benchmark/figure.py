"""A bar chart as SVG for an HTML page: it takes the text's colour there, so light and dark fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

#: The colours of the bars, readable on white and on black.
PALETTE = ("#0f8a6d", "#c2761b", "#7a86c8")

_LEFT, _LONGEST, _WIDTH = 250, 400, 720
_BAR, _STEP, _TOP, _GAP = 14, 16, 44, 20


@dataclass(frozen=True)
class Chart:
    """Groups of horizontal bars, one bar of each series in a group.

    - `unit`: of the values, in full and as short as it stands beside a bar
    - `series`: the names of the bars, at most three
    - `groups`: the label of each group, with its values. None: there is no such bar
    """

    title: str
    unit: tuple[str, str]
    series: Sequence[str]
    groups: Sequence[tuple[str, Sequence[float | None]]]

    def description(self) -> str:
        """What there is to see, for people who cannot see it."""
        told = []
        for label, values in self.groups:
            bars = [
                f"{name} {value:,.0f} {self.unit[0]}"
                for name, value in zip(self.series, values, strict=True)
                if value is not None
            ]
            told.append(f"{label}: {', '.join(bars)}")
        return "; ".join(told) + "."

    def to_html(self) -> str:
        """A `figure` that scrolls on a narrow screen."""
        most = max((value or 0 for _, values in self.groups for value in values), default=0) or 1
        group_height = len(self.series) * _STEP + _GAP
        height = _TOP + len(self.groups) * group_height
        lines = [
            '<figure style="overflow-x:auto">',
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
            ' aria-labelledby="chart-title chart-desc" font-family="system-ui, sans-serif"'
            ' font-size="14" fill="currentColor" style="min-width:36em; width:100%">',
            f'  <title id="chart-title">{escape(self.title)}</title>',
            f'  <desc id="chart-desc">{escape(self.description())}</desc>',
        ]
        x = _LEFT
        for colour, name in zip(PALETTE, self.series, strict=False):
            lines.append(_bar(x, 10, _BAR, colour))
            lines.append(f'  <text x="{x + 20}" y="22">{escape(name)}</text>')
            x += 45 + 8 * len(name)
        for number, (label, values) in enumerate(self.groups):
            top = _TOP + number * group_height
            middle = top + len(self.series) * _STEP // 2 + 5
            text = f'<text x="{_LEFT - 12}" y="{middle}" text-anchor="end">{escape(label)}</text>'
            lines.append(f"  {text}")
            for place, (colour, value) in enumerate(zip(PALETTE, values, strict=False)):
                if value is None:
                    continue
                width = max(2, round(value / most * _LONGEST))
                y = top + place * _STEP
                lines.append(_bar(_LEFT, y, width, colour))
                end = f'<text x="{_LEFT + width + 6}" y="{y + 12}" font-size="12">'
                lines.append(f"  {end}{value:,.0f} {escape(self.unit[1])}</text>")
        return "\n".join([*lines, "</svg>", "</figure>"]) + "\n"


def _bar(x: int, y: int, width: int, colour: str) -> str:
    return f'  <rect x="{x}" y="{y}" width="{width}" height="{_BAR}" fill="{colour}"/>'
