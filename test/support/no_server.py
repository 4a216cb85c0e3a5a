"""Motor objects of every class, without a server, to see what a call returns at once."""

from __future__ import annotations

import inspect
from typing import Any

import pymongo
import pytest
from bson import CodecOptions, Timestamp
from pymongo.command_cursor import CommandCursor, RawBatchCommandCursor
from pymongo.driver_info import DriverInfo

from support.framework import Framework

__all__ = ["NoServer"]

#: Arguments that are good enough to get past the checks at the call, by the parameter's name.
ARGUMENTS: dict[str, Any] = {
    "allow_disk_use": True,
    "batch_size": 1,
    "callback": lambda document, error: None,
    "cluster_time": {"clusterTime": Timestamp(1, 1)},
    "code": "true",
    "collation": {"locale": "en"},
    "comment": "parity",
    "driver_info": DriverInfo("parity"),
    "exist": True,
    "index": "_id_",
    "key_or_list": "x",
    "limit": 1,
    "mask": 2,
    "max_await_time_ms": 1,
    "max_scan": 1,
    "max_time_ms": 1,
    "memo": {},
    "name": "parity",
    "operation_time": Timestamp(1, 1),
    "pipeline": [],
    "pos": 1,
    "size": 1,
    "skip": 1,
    "spec": [("x", 1)],
}


class NoServer:
    """Objects of every class whose PyMongo client is closed, and refuses to ask a server."""

    def __init__(self, framework: Framework) -> None:
        self.framework = framework
        delegate = pymongo.MongoClient("mongodb://127.0.0.1:1/parity", connect=False)
        delegate.close()
        self.client = framework.Client.from_delegate(delegate)
        self.collection = self.client.parity.parity

    def make(self, name: str) -> Any:
        """A new object of the class, given by its name without the prefix."""
        return getattr(self, f"_{name}")()

    def call(self, name: str, member: str, signature_of: Any) -> Any:
        """Call `member` of a new object, with the arguments that it cannot do without."""
        return self.call_on(self.make(name), member, signature_of)

    def call_on(self, owner: Any, member: str, signature_of: Any, **kwargs: Any) -> Any:
        """Call `member` of an object, with the arguments that it cannot do without."""
        known = {**ARGUMENTS, "database": self.client.parity}
        arguments = [
            known.get(p.name, "parity")
            for p in list(inspect.signature(signature_of).parameters.values())[1:]
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        return getattr(owner, member)(*arguments, **kwargs)

    def _Client(self) -> Any:
        return self.client

    def _Database(self) -> Any:
        return self.client.parity

    def _Collection(self) -> Any:
        return self.collection

    def _Cursor(self) -> Any:
        return self.collection.find()

    def _RawBatchCursor(self) -> Any:
        return self.collection.find_raw_batches()

    def _sent(self, delegate_class: type[Any]) -> Any:
        reply = {"id": 0, "firstBatch": [], "ns": "parity.parity"}
        return self.collection.wrap(delegate_class(self.collection.delegate, reply, None))

    def _CommandCursor(self) -> Any:
        return self._sent(CommandCursor)

    def _RawBatchCommandCursor(self) -> Any:
        return self._sent(RawBatchCommandCursor)

    def _LatentCommandCursor(self) -> Any:
        return self.collection.aggregate([])

    def _ChangeStream(self) -> Any:
        return self.collection.watch()

    def _ClientSession(self) -> Any:
        return self.client.start_session()

    def _GridFSBucket(self) -> Any:
        return self.framework.GridFSBucket(self.client.parity)

    def _GridIn(self) -> Any:
        grid_in = self._GridFSBucket().open_upload_stream("parity")
        # Not all properties have a value before that.
        grid_in._upload.closed = True
        return grid_in

    def _GridOut(self) -> Any:
        document = {"_id": 1, "length": 0, "chunkSize": 1, "filename": "parity"}
        return self.framework.GridOut(self.collection, file_document=document)

    def _GridOutCursor(self) -> Any:
        return self._GridFSBucket().find()

    def _ClientEncryption(self) -> Any:
        pytest.importorskip("pymongocrypt")
        kms = {"local": {"key": bytes(96)}}
        return self.framework.ClientEncryption(kms, "kv.keys", self.client, CodecOptions())
