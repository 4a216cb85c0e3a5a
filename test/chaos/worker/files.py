"""GridFS: what is read back is what was written, or the read fails."""

from __future__ import annotations

import hashlib
from typing import Any

from chaos.worker.work import Work

_SECONDS = 9.5
_MOST_BYTES = 700_000
_PIECE = 100_000
_KEPT = 20


async def store(work: Work, name: str) -> None:
    """Upload and download files until the work stops."""
    bucket = work.adapter.bucket(work.db, work.framework)
    number = 0
    stored: list[tuple[str, str]] = []
    while not work.stopping.is_set():
        number += 1
        key = f"{work.place}/{name}/{number}"
        data = work.rng.randbytes(work.rng.randrange(_MOST_BYTES))
        digest = hashlib.sha256(data).hexdigest()
        way = work.rng.choice((_upload_at_once, _upload_in_pieces))
        outcome = await work.attempt(
            "upload",
            lambda way=way, key=key, data=data: way(bucket, key, data),
            patience=_SECONDS,
            tidies=True,
            keys=[key],
            digest=digest,
        )
        if outcome.known:
            stored = [*stored[-_KEPT:], (key, digest)]
        await work.rest()
        if stored:
            await _check(work, bucket, *work.rng.choice(stored))
        await work.rest()


async def _check(work: Work, bucket: Any, key: str, digest: str) -> None:
    way = work.rng.choice((_read_at_once, _read_in_pieces))
    outcome = await work.attempt(
        "download", lambda: way(bucket, key), patience=_SECONDS, keys=[key]
    )
    if outcome.known and outcome.value != digest:
        work.journal.write("wrong file", key=key)


async def _upload_at_once(bucket: Any, key: str, data: bytes) -> None:
    await bucket.upload_from_stream_with_id(key, "file", data)


async def _upload_in_pieces(bucket: Any, key: str, data: bytes) -> None:
    async with bucket.open_upload_stream_with_id(key, "file") as upload:
        for begin in range(0, len(data), _PIECE):
            await upload.write(data[begin : begin + _PIECE])


async def _read_at_once(bucket: Any, key: str) -> str:
    stream = await bucket.open_download_stream(key)
    return hashlib.sha256(await stream.read()).hexdigest()


async def _read_in_pieces(bucket: Any, key: str) -> str:
    stream = await bucket.open_download_stream(key)
    digest = hashlib.sha256()
    while piece := await stream.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()
