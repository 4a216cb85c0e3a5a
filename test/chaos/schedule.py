"""When which fault strikes: the seed decides."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SHORTEST, _LONGEST = 0.7, 3.0


@dataclass(frozen=True)
class Fault:
    """One fault of a run.

    - `at`: seconds from the beginning
    - `seconds`: how long it lasts
    - `who`: the primary, a secondary, or all
    """

    at: float
    name: str
    who: str
    seconds: float


def schedule(
    seed: int,
    seconds: float,
    faults: Mapping[str, tuple[Any, tuple[str, ...]]],
    rest: float,
) -> list[Fault]:
    """The faults of a run, in order of time.

    `faults` says whom each may strike; `rest` is the mean of the seconds between two faults. Each
    family (the words before a number in the name) gets its turn before one gets a second; a
    large one gets several.
    """
    rng = random.Random(seed)
    families: dict[str, list[tuple[str, str]]] = {}
    for name, (_, whom) in faults.items():
        for who in whom:
            families.setdefault(_family(name, who), []).append((name, who))
    for members in families.values():
        rng.shuffle(members)
    planned: list[Fault] = []
    turn: list[str] = []
    at = 2.0
    while True:
        if not turn:
            turn = [family for family in families for _ in range(1 + len(families[family]) // 8)]
            rng.shuffle(turn)
        family = families[turn.pop()]
        name, who = family.pop(0)
        family.append((name, who))
        length = round(rng.uniform(_SHORTEST, _LONGEST), 2)
        if at + length > seconds:
            return planned
        planned.append(Fault(round(at, 2), name, who, length))
        at += length + rng.uniform(0.5, 1.5) * rest


def _family(name: str, who: str) -> str:
    words = name.split()
    numbered = next((i for i, word in enumerate(words) if word.isdigit()), None)
    # A killed member and a silent one are separate families, and so are primary and secondary:
    # only the numbered errors share their turns.
    return " ".join(words[:numbered]) if numbered is not None else f"{name} {who}"
