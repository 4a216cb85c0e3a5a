"""For tests of what an accelerator does: `MOTOR_ACCELERATORS` may have switched it off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from motor.accelerators import chosen

__all__ = ["needs", "takes_executors"]


def needs(name: str) -> pytest.MarkDecorator:
    """Skip the test unless the accelerator is chosen."""
    return pytest.mark.skipif(name not in chosen(), reason=f"{name!r} is switched off")


def takes_executors(test: Callable[..., Any]) -> Callable[..., Any]:
    """Skip the test where clients cannot be given an executor."""
    reason = "with 'greenlets', clients take no executor"
    return pytest.mark.skipif("greenlets" in chosen(), reason=reason)(test)
