"""For tests of what an accelerator does: `MOTOR_ACCELERATORS` may have switched it off."""

from __future__ import annotations

import pytest

from motor.accelerators import chosen

__all__ = ["needs"]


def needs(name: str) -> pytest.MarkDecorator:
    """Skip the test unless the accelerator is chosen."""
    return pytest.mark.skipif(name not in chosen(), reason=f"{name!r} is switched off")
