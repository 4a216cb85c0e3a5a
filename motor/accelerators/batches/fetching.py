"""Fetches a whole batch with one call, and leaves it undecoded where that is possible."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from pymongo.monitoring import CommandListener

from motor.accelerators.batches.replies import Fetching, current
from motor.accelerators.batches.splitting import split_batches
from motor.accelerators.batches.undecoded import Undecoded
from motor.core.fetching import Decoded

__all__ = ["BatchFetcher"]

_COMMAND_LOG = logging.getLogger("pymongo.command")


class BatchFetcher:
    """Fetches the batches of the cursors of `client`, a PyMongo client.

    If a listener for commands, or PyMongo's log of them, sees command and reply, the commands are
    PyMongo's, and batches are decoded at once.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        listeners = client.options.event_listeners
        self._is_seen = any(isinstance(each, CommandListener) for each in listeners)

    def __call__(
        self, cursor: Any, meanwhile: Callable[[], object] | None = None
    ) -> Undecoded | Decoded | None:
        """The next batch of `cursor`; see `motor.core.fetching.Fetch`."""
        seen = self._is_seen or _COMMAND_LOG.isEnabledFor(logging.DEBUG)
        fetching = Fetching(not seen, meanwhile)
        documents: list[Any] = []
        token = current.set(fetching)
        try:
            # The first batch has 101 documents.
            may_split = cursor.cursor_id and not seen
            with split_batches(cursor, self._client) if may_split else nullcontext():
                cursor._next_batch(documents)
        finally:
            current.reset(token)
        if not documents:
            return None
        if type(documents[0]) is Undecoded:
            return documents[0]
        return Decoded(documents, fetching.size)
