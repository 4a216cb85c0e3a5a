"""A bar chart as SVG for an HTML page: it takes the text's colour there, so light and dark fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

#: The colours of the bars, readable on white and on black.
PALETTE = ("#0f8a6d", "#c2761b", "#7a86c8")

#: In units of the text's size at 14: narrow enough for a phone.
_WIDTH, _LONGEST = 360, 290
_BAR, _STEP, _TOP, _LABEL, _GAP = 14, 16, 24, 20, 16


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
        """A `figure` of the class `chart`."""
        most = max((value or 0 for _, values in self.groups for value in values), default=0) or 1
        group_height = _LABEL + len(self.series) * _STEP + _GAP
        height = _TOP + len(self.groups) * group_height
        lines = [
            '<figure class="chart">',
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
            ' aria-labelledby="chart-title chart-desc" font-family="system-ui, sans-serif"'
            ' font-size="14" fill="currentColor" style="width:100%">',
            f'  <title id="chart-title">{escape(self.title)}</title>',
            f'  <desc id="chart-desc">{escape(self.description())}</desc>',
        ]
        x = 0
        for colour, name in zip(PALETTE, self.series, strict=False):
            lines.append(_bar(x, 0, _BAR, colour))
            lines.append(f'  <text x="{x + 20}" y="12">{escape(name)}</text>')
            x += 42 + 8 * len(name)
        for number, (label, values) in enumerate(self.groups):
            top = _TOP + _GAP + number * group_height
            lines.append(f'  <text x="0" y="{top + 10}">{escape(label)}</text>')
            for place, (colour, value) in enumerate(zip(PALETTE, values, strict=False)):
                if value is None:
                    continue
                width = max(2, round(value / most * _LONGEST))
                y = top + _LABEL + place * _STEP
                lines.append(_bar(0, y, width, colour))
                end = f'<text x="{width + 6}" y="{y + 12}" font-size="12">'
                lines.append(f"  {end}{value:,.0f} {escape(self.unit[1])}</text>")
        return "\n".join([*lines, "</svg>", "</figure>"]) + "\n"


def _bar(x: int, y: int, width: int, colour: str) -> str:
    return f'  <rect x="{x}" y="{y}" width="{width}" height="{_BAR}" fill="{colour}"/>'
