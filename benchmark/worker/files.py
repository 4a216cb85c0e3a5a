"""GridFS: a file up and down."""

from __future__ import annotations

import io
import os
from typing import Any

from benchmark.worker.workload import Workload

MEGABYTE = 1024 * 1024


class _Sink:
    """A file that forgets what is written to it."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)


class GridFiles(Workload):
    """A file of `megabytes`, up or down by `direction`."""

    async def open(self) -> dict[str, Any]:
        self.make_client()
        self.bucket = self.adapter.bucket(self.database)
        self.data = os.urandom(MEGABYTE) * self.params["megabytes"]
        self.file: Any = None
        return {}

    async def prepare(self) -> None:
        if self.params["direction"] == "download":
            self.file = await self.settle(self._upload())

    async def run_async(self) -> float:
        if self.params["direction"] == "upload":
            self.file = await self._upload()
        else:
            sink = _Sink()
            await self.bucket.download_to_stream(self.file, sink)
            self._check(sink)
        return self.params["megabytes"]

    def run_sync(self) -> float:
        if self.params["direction"] == "upload":
            self.file = self._upload()
        else:
            sink = _Sink()
            self.bucket.download_to_stream(self.file, sink)
            self._check(sink)
        return self.params["megabytes"]

    async def clean(self) -> None:
        await self.settle(self.bucket.delete(self.file))

    def _upload(self) -> Any:
        return self.bucket.upload_from_stream("benchmark", io.BytesIO(self.data))

    def _check(self, sink: _Sink) -> None:
        if sink.size != len(self.data):
            raise AssertionError(f"got {sink.size} bytes of {len(self.data)}")
