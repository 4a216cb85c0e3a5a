"""What several test files need."""

from support.commands import CommandRecorder
from support.framework import Framework, class_names
from support.process import run_python, start_python
from support.wait import PATIENCE, async_wait_until, wait_until

__all__ = [
    "PATIENCE",
    "CommandRecorder",
    "Framework",
    "async_wait_until",
    "class_names",
    "run_python",
    "start_python",
    "wait_until",
]
