"""What pytest loads at every start where Motor is installed: the plugin, if it can be imported.

It is not in the package `motor`, because pytest would not start where that name is another package:
Motor 3, or a directory that comes first in `sys.path`.
"""

from __future__ import annotations

import pytest

_PLUGIN = "motor.testing.pytest_plugin"

_missing = ""


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the plugin, whose options are declared with that."""
    global _missing
    try:
        pluginmanager.import_plugin(_PLUGIN)
    except Exception as error:
        _missing = f"{type(error).__name__}: {error}"


def pytest_report_header() -> list[str]:
    """Say that the fixtures are missing, and why."""
    return [f"no fixtures of Motor: {_missing}"] if _missing else []
