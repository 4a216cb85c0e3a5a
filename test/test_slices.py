"""Decoding a reply in slices gives what decoding it in one piece gives."""

from __future__ import annotations

import math
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from bson import SON, decode, encode
from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

from motor.accelerators.batches import slices, undecoded
from motor.accelerators.batches.undecoded import decode_in_slices, leave_undecoded
from motor.core.cursors.reader import Reader
from motor.execution import pauses

PLAIN: CodecOptions[Any] = CodecOptions()


def whole(options: CodecOptions[Any], log: list[int] | None = None) -> Any:
    def decode_whole(reply: Any) -> list[Any]:
        if log is not None:
            log.append(len(reply))
        return [decode(bytes(reply), options)]

    return decode_whole


def reply_of(documents: list[Any], name: str = "firstBatch", **before: Any) -> bytes:
    cursor = {**before, name: documents, "id": 7, "ns": "test.test"}
    return encode({"cursor": cursor, "ok": 1.0, "$clusterTime": {"clusterTime": 3}})


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 300)
    monkeypatch.setattr(slices, "DOCUMENTS", 5)
    monkeypatch.setattr(slices, "LONG_SLICE", 900)
    monkeypatch.setattr(undecoded, "SLICED_FROM", 1000)


@pytest.mark.parametrize("count", [9, 10, 11, 99, 100, 101, 1234, 10_001])
@pytest.mark.parametrize("name", ["firstBatch", "nextBatch"])
def test_batch_in_slices_is_the_batch(count: int, name: str) -> None:
    documents = [{"_id": i, "text": "é" * (i % 40), "list": [{}] * (i % 3)} for i in range(count)]
    reply = reply_of([*documents, {"pad": "x" * 2000}], name)
    sizes: list[int] = []
    assert decode_in_slices(memoryview(reply), PLAIN, whole(PLAIN, sizes)) == [decode(reply)]
    # What was decoded in one piece had no documents in it.
    assert sizes == [len(reply_of([], name))]


@pytest.mark.parametrize(
    "deceptive",
    [
        {"list": [{"x": i} for i in range(200)]},
        {"list": [{} for _ in range(200)]},
        {"data": b"".join(b"\0\x03%d\0" % i for i in range(1, 300))},
        {"data": b"".join(b"\0\x03%d\0\x05\0\0\0" % i for i in range(1, 300))},
        {"data": b"\0\x037\0" * 50, "text": "\0\x0312\0" * 50},
    ],
    ids=["documents in a list", "empty ones", "data", "data like empty ones", "data and text"],
)
def test_what_looks_like_the_next_document_is_not_taken_for_it(deceptive: dict[str, Any]) -> None:
    documents = [{"_id": i, **(deceptive if i % 3 else {})} for i in range(300)]
    reply = reply_of(documents)
    sizes: list[int] = []
    assert decode_in_slices(reply, PLAIN, whole(PLAIN, sizes)) == [decode(reply)]
    assert sizes == [len(reply_of([]))]


def test_functions_of_the_users_see_each_value_once() -> None:
    seen: list[str] = []

    class Count(TypeDecoder):
        bson_type = str

        def transform_bson(self, value: str) -> str:
            seen.append(value)
            return value

    options: CodecOptions[Any] = CodecOptions(type_registry=TypeRegistry([Count()]))
    documents = [{"x": f"{i}", "list": [{"y": 1}] * 100} for i in range(300)]
    decode_in_slices(reply_of(documents), options, whole(PLAIN))
    assert seen == [document["x"] for document in documents]


def test_empty_documents_and_large_ones_are_kept_in_order() -> None:
    documents: list[Any] = [{}, {"x": "y" * 5000}, {}, {}, {"x": b"z" * 301}, {}]
    assert decode_in_slices(reply_of(documents), PLAIN, whole(PLAIN))[0]["cursor"] == {
        "firstBatch": documents,
        "id": 7,
        "ns": "test.test",
    }


def test_fields_before_the_batch_do_not_matter() -> None:
    before = {"id": 7, "ns": "a.b", "flag": True, "inner": {"a": [1]}, "small": 3}
    reply = reply_of([{"x": i} for i in range(300)], **before)
    sizes: list[int] = []
    assert decode_in_slices(reply, PLAIN, whole(PLAIN, sizes)) == [decode(reply)]
    assert sizes[0] < len(reply)


@pytest.mark.parametrize(
    "reply",
    [
        reply_of([{"x": 1}]),
        encode({"ok": 1.0, "cursor": {"firstBatch": [{"x": 1}] * 300}}),
        encode({"cursor": {"id": 7, "values": ["x" * 10] * 300}, "ok": 1.0}),
        encode({"cursor": {"odd": None, "firstBatch": [{"x": 1}] * 300}, "ok": 1.0}),
        encode({"cursor": {"firstBatch": {str(i + 1): {} for i in range(300)}}, "ok": 1.0}),
    ],
    ids=["small", "elsewhere", "no batch", "unknown before", "no array"],
)
def test_other_replies_are_decoded_in_one_piece(reply: bytes) -> None:
    sizes: list[int] = []
    assert decode_in_slices(reply, PLAIN, whole(PLAIN, sizes)) == [decode(reply)]
    assert sizes == [len(reply)]


def test_array_with_other_indexes_is_decoded_in_one_piece() -> None:
    odd = encode({"cursor": {"firstBatch": {f"{i:03}": {"x": i} for i in range(300)}}, "ok": 1.0})
    # A document with those keys, turned into an array.
    odd = odd.replace(b"\x03firstBatch\0", b"\x04firstBatch\0", 1)
    assert decode_in_slices(odd, PLAIN, whole(PLAIN)) == [decode(odd)]


def test_codec_options_hold_in_every_slice() -> None:
    class Shout(TypeDecoder):
        bson_type = str

        def transform_bson(self, value: str) -> str:
            return value.upper()

    options: CodecOptions[Any] = CodecOptions(
        document_class=SON, tz_aware=True, type_registry=TypeRegistry([Shout()])
    )
    reply = reply_of([{"x": "a" * 20, "inner": {"y": "b"}} for _ in range(200)])
    plain = options.with_options(type_registry=None)
    batch = decode_in_slices(reply, options, whole(plain))[0]["cursor"]["firstBatch"]
    assert batch == [SON([("x", "A" * 20), ("inner", SON([("y", "B")]))])] * 200
    assert {type(d) for d in batch} == {type(d["inner"]) for d in batch} == {SON}


def test_reply_that_cannot_be_changed_is_decoded_in_one_piece() -> None:
    options = CodecOptions(document_class=RawBSONDocument)
    reply = reply_of([{"x": i} for i in range(300)])
    decoded = decode_in_slices(reply, options, whole(options))
    assert [d["x"] for d in decoded[0]["cursor"]["firstBatch"]] == [*range(300)]


def test_document_that_cannot_be_decoded_is_the_same_error() -> None:
    documents = [{"x": "good"} for _ in range(300)]
    documents[250] = {"x": "b@d!"}
    reply = reply_of(documents).replace(b"b@d!", b"b\xffd!")
    with pytest.raises(InvalidBSON) as one_piece:
        decode(reply)
    with pytest.raises(InvalidBSON) as in_slices:
        decode_in_slices(reply, PLAIN, whole(PLAIN))
    assert str(in_slices.value) == str(one_piece.value)


def test_nonsense_for_a_length_does_not_hang() -> None:
    reply = bytearray(reply_of([{"x": i} for i in range(300)]))
    first = reply.index(b"\x030\0") + 3
    reply[first : first + 4] = b"\0\0\0\0"
    with pytest.raises(InvalidBSON):
        decode_in_slices(bytes(reply), PLAIN, whole(PLAIN))


def test_other_threads_get_their_turn_while_a_large_batch_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    reply = reply_of([{"_id": i, "x": i, "s": "a" * 60} for i in range(100_000)])
    turns = 0
    over = threading.Event()

    def other() -> None:
        nonlocal turns
        while not over.is_set():
            turns += 1

    beside = threading.Thread(target=other)
    beside.start()
    before = turns
    decode_in_slices(reply, PLAIN, whole(PLAIN))
    during = turns - before
    over.set()
    beside.join()
    assert during > 1000


class Turns:
    """How often another thread gets the interpreter lock, if it is never taken from anybody."""

    def __enter__(self) -> Turns:
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(100)
        self.count = 0
        self._over = threading.Event()
        self._beside = threading.Thread(target=self._run)
        self._beside.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._beside.join()
        sys.setswitchinterval(self._interval)

    def _run(self) -> None:
        while not self._over.is_set():
            self.count += 1
            time.sleep(0.0001)


@pytest.fixture
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(pauses, "EVERY", 0)
    # A busy machine needs a while to let the other thread run.
    monkeypatch.setattr(pauses, "PAUSE", 0.01)


DOCUMENTS = [{"_id": i, "x": i, "s": "a" * 60} for i in range(10_000)]


@pytest.mark.usefixtures("long_pauses")
def test_the_lock_is_given_away_while_a_large_batch_is_decoded() -> None:
    reply = reply_of(DOCUMENTS)
    with Turns() as turns:
        [decoded] = decode_in_slices(reply, PLAIN, whole(PLAIN))
        assert turns.count > 10
    assert decoded["cursor"]["firstBatch"] == DOCUMENTS


@pytest.mark.usefixtures("long_pauses")
def test_the_lock_is_given_away_while_a_list_is_made() -> None:
    reply = reply_of(DOCUMENTS)
    batches = []
    for _ in range(2):
        [left] = leave_undecoded(reply, PLAIN, whole(PLAIN)) or []
        batches += left["cursor"]["firstBatch"]
    cursor = SimpleNamespace(alive=True)

    def fetch(delegate: Any, meanwhile: Any) -> Any:
        delegate.alive = len(batches) > 1
        return batches.pop(0)

    reader = Reader(fetch, cursor)
    reader.wanted.append(math.inf)
    with Turns() as turns:
        documents = reader.collect(None, lambda: False).make()
        assert turns.count > 10
    assert documents == DOCUMENTS * 2
