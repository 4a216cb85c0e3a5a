"""Bar charts of the ratios and of the loop's stalls, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.drivers import MOTOR, titles
from benchmark.summary import Summary, labels

_INCHES_A_CASE = 0.45


def draw(summaries: Sequence[Summary], directory: Path) -> list[Path]:
    """Draw what there is to draw into files in the directory, and return their paths.

    Raises ImportError without matplotlib.
    """
    import matplotlib

    matplotlib.use("svg")
    groups: dict[str, list[Summary]] = {}
    for summary in summaries:
        if summary.figures:
            groups.setdefault(summary.case.group, []).append(summary)
    paths = []
    for group, members in groups.items():
        paths += _draw_ratios(group, [m for m in members if m.ratios], directory)
        stalled = [m for m in members if any(f.stall is not None for f in m.figures.values())]
        paths += _draw_stalls(group, stalled, directory)
    return paths


def _draw_ratios(group: str, summaries: Sequence[Summary], directory: Path) -> list[Path]:
    if not summaries:
        return []
    peers = list(dict.fromkeys(peer for summary in summaries for peer in summary.ratios))
    memory = summaries[0].case.measure == "memory"
    figure, axes = _axes(len(summaries))
    for position, peer in enumerate(peers):
        found = [(i, s.ratios[peer]) for i, s in enumerate(summaries) if peer in s.ratios]
        medians = [ratio.median for _, ratio in found]
        spreads = [
            [ratio.median - ratio.low for _, ratio in found],
            [ratio.high - ratio.median for _, ratio in found],
        ]
        height = 0.8 / len(peers)
        places = [i + (position - (len(peers) - 1) / 2) * height for i, _ in found]
        axes.barh(places, medians, height, xerr=spreads, label=f"to {titles()[peer]}")
    axes.axvline(1.0, color="black", linewidth=0.8)
    what = "memory (less is better)" if memory else "rate (more is better)"
    return _finish(figure, axes, summaries, f"{group}: Motor's {what}", directory, f"{group}.svg")


def _draw_stalls(group: str, summaries: Sequence[Summary], directory: Path) -> list[Path]:
    if not summaries:
        return []
    names = [n for n in titles() if any(_stall(s, n) is not None for s in summaries)]
    # Motor first.
    names.sort(key=lambda name: name != MOTOR)
    figure, axes = _axes(len(summaries))
    height = 0.8 / len(names)
    for position, name in enumerate(names):
        found = [(i, _stall(s, name)) for i, s in enumerate(summaries)]
        bars = [
            (i + (position - (len(names) - 1) / 2) * height, v) for i, v in found if v is not None
        ]
        axes.barh([p for p, _ in bars], [v for _, v in bars], height, label=titles()[name])
    axes.set_xscale("log")
    title = f"{group}: longest stall of the event loop, ms (less is better)"
    return _finish(figure, axes, summaries, title, directory, f"{group}-stalls.svg")


def _stall(summary: Summary, name: str) -> float | None:
    stall = summary.figures[name].stall if name in summary.figures else None
    return None if stall is None else stall.longest


def _axes(cases: int) -> tuple[Any, Any]:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 1.5 + _INCHES_A_CASE * cases))
    return figure, axes


def _finish(
    figure: Any, axes: Any, summaries: Sequence[Summary], title: str, directory: Path, name: str
) -> list[Path]:
    from matplotlib import pyplot

    axes.set_yticks(range(len(summaries)), labels(summaries))
    axes.invert_yaxis()
    axes.set_title(title)
    axes.legend()
    figure.tight_layout()
    path = directory / name
    figure.savefig(path)
    pyplot.close(figure)
    return [path]
