"""Fetches a cursor's next batch while its consumer has documents to work on."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from motor.core.cursors.reader import Reader
from motor.core.deadline import may_have_deadline
from motor.execution.completions import deliver
from motor.execution.future import OperationFuture

__all__ = ["read_ahead", "read_ahead_and_send"]

#: How long (in seconds) a consumer waits at most until the command is sent.
SENDING = 0.001


def read_ahead(
    cursor: Any,
    *,
    after: OperationFuture[Any] | None = None,
    sent: Callable[[], object] | None = None,
) -> bool:
    """Ask for the next batch of `cursor`. Returns whether that was done.

    Not with a session of the user's, which must see only the operations that the user calls; not
    within ``pymongo.timeout()``, which is not the timeout of the next read; and not from a tailable
    cursor, which would wait for documents that do not exist yet.

    - `after`: the read that comes before; if it is cancelled, nothing is fetched
    - `sent`: see `Reader.read_ahead`
    """
    if (
        cursor._queue is not None
        or cursor._client._closed
        or cursor._is_tailable
        or may_have_deadline()
    ):
        return False
    reader = cursor._reader
    reader.asked_ahead = True
    wanted = partial(_is_wanted, weakref.ref(cursor), reader, after)
    cursor._submit_function(reader.read_ahead, (wanted, sent), queue=reader.queue)
    return True


async def read_ahead_and_send(cursor: Any) -> None:
    """Ask for the next batch when the consumer begins with one, and wait until that is sent.

    A consumer that computes keeps the interpreter lock, and a worker gets it only every five
    milliseconds. While the consumer waits, a tenth of a millisecond or so, the worker has it.
    """
    reader = cursor._reader
    if reader.buffer or not reader.batches:
        return
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    sent = partial(deliver, future, None, None)
    if read_ahead(cursor, sent=sent):
        # All workers may be busy.
        timer = loop.call_later(SENDING, sent)
        try:
            await future
        finally:
            timer.cancel()


def _is_wanted(
    cursor: weakref.ref[Any], reader: Reader, before: OperationFuture[Any] | None
) -> bool:
    # A cursor that is gone, or whose read was cancelled, needs no further batch.
    alive = cursor()
    cancelled = before is not None and before.cancelled()
    return alive is not None and alive._reader is reader and not cancelled
