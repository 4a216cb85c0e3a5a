"""Expect the warnings of names from the PyMongo 2 era."""

from __future__ import annotations

import linecache
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

GUIDE = "doc/migrate-from-motor-0/"


@contextmanager
def old(*subjects: str, at: str | None = None) -> Iterator[None]:
    """Expect one DeprecationWarning for each subject, in order, at the line that used it.

    - `subjects`: what the messages begin with: "collection.insert()", say
    - `at`: what stands in the lines that the warnings point at; None: the subject's last word

    Each message has to name what to use instead, and the place in the guide.
    """
    caller = sys._getframe(2).f_code.co_filename
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # PyMongo 4.13 has a word of its own on cursors that never time out.
        warnings.filterwarnings("ignore", "use an explicit session with no_cursor_timeout")
        yield
    messages = [str(warning.message) for warning in caught]
    assert len(caught) == len(subjects), messages
    for subject, warning, message in zip(subjects, caught, messages, strict=True):
        assert warning.category is DeprecationWarning, message
        assert message.startswith(subject), message
        assert " is deprecated: " in message, message
        assert GUIDE in message, message
        assert warning.filename == caller, f"{warning.filename}: {message}"
        line = linecache.getline(warning.filename, warning.lineno)
        sought = at if at is not None else subject.removesuffix("()").rpartition(".")[2]
        assert sought in line, f"{line!r}: {message}"
