"""Which calls run in greenlets.

Private names: ``_exhaust``, ``_limit`` and ``_spec`` of a cursor.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson.codec_options import CodecOptions, TypeRegistry
from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument
from bson.son import SON
from pymongo.collection import Collection
from pymongo.cursor import Cursor
from pymongo.database import Database

from motor.core.cursors.reader import Reader
from motor.execution.call import Call
from motor.execution.serial_queue import InTurn

__all__ = ["target_of"]

#: The operations with one small command and, as a rule, one small reply.
BRIEF = frozenset(
    {
        "command",
        "count_documents",
        "delete_many",
        "delete_one",
        "estimated_document_count",
        "find_one",
        "find_one_and_delete",
        "find_one_and_replace",
        "find_one_and_update",
        "insert_one",
        "replace_one",
        "update_many",
        "update_one",
    }
)

#: The reader's functions that ask for no more than a batch; `collect` does if it is given a length.
READS = frozenset({"collect", "fill"})

#: How many documents a list may have that is read in a greenlet.
FEW = 101

#: How much a call's arguments may weigh: so many values, or 64 times so many bytes of text.
LIGHT = 256

_SCALARS = frozenset({int, float, bool, type(None), ObjectId, datetime})
_TEXTS = frozenset({str, bytes})
_SEQUENCES = frozenset({list, tuple})
_MAPPINGS = frozenset({dict, SON})
_DOCUMENTS = _MAPPINGS | {RawBSONDocument}
_NO_TYPES = TypeRegistry()

#: The options that were asked for last, and are plain.
_plain: CodecOptions[Any] | None = None


def target_of(job: Any) -> Any:
    """The collection or database that a job asks, if it runs in a greenlet; else None.

    That is decided before it begins. It does if it is one of PyMongo's own brief operations, in no
    session, or the first read of a cursor of ``find``; if what is sent is encoded in a fraction of
    a millisecond; and if no code of the user's takes part in that.
    """
    if type(job) is InTurn:
        # The operations of sessions are such, too.
        return _target_of_read(job.job)
    if type(job) is not Call:
        return None
    function = job.function
    target = getattr(function, "__self__", None)
    if type(target) is not Collection and type(target) is not Database:
        return None
    if function.__name__ not in BRIEF:
        return None
    if not _are_plain(target.codec_options) or not _are_light(job.args, job.kwargs):
        return None
    return target


def _target_of_read(call: Any) -> Any:
    """The collection that a read asks, if it is a cursor's first, of at most a batch; else None."""
    reader = getattr(call.function, "__self__", None)
    if type(reader) is not Reader or reader.fetched or call.function.__name__ not in READS:
        return None
    cursor = reader.delegate
    if type(cursor) is not Cursor or cursor.session is not None or reader.closed:
        return None
    if cursor._exhaust:
        # It keeps its connection.
        return None
    if call.function.__name__ == "collect":
        length = call.args[0] or cursor._limit
        if not 0 < length <= FEW:
            return None
    target = cursor.collection
    if not _are_plain(target.codec_options) or not _are_light((cursor._spec,), {}):
        return None
    return target


def _are_plain(options: CodecOptions[Any]) -> bool:
    """Whether no code of the user's takes part in encoding and decoding."""
    global _plain
    if options is _plain:
        return True
    if options.document_class not in _DOCUMENTS or options.type_registry != _NO_TYPES:
        return False
    _plain = options
    return True


def _are_light(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    left = LIGHT
    for value in (*args, *kwargs.values()):
        left = _without(left, value)
        if left < 0:
            return False
    return True


def _without(left: int, value: Any) -> int:
    """What is left of a weight when `value` has been taken off; negative when it is too heavy."""
    kind = type(value)
    if kind in _SCALARS:
        return left - 1
    if kind in _TEXTS:
        return left - 1 - len(value) // 64
    if kind in _MAPPINGS:
        contents = value.values()
    elif kind in _SEQUENCES:
        contents = value
    else:
        # Other containers may hold anything. Other objects are options of PyMongo's.
        return -1 if isinstance(value, Mapping | list | tuple | set | bytearray) else left - 1
    left -= 1
    if len(value) > left:
        return -1
    for content in contents:
        if left < 0:
            break
        left = _without(left, content)
    return left
