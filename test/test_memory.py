"""The memory of large messages is kept for the next ones."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, io, resource, statistics, sys
from motor.execution import malloc
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorGridFSBucket

uri, name, how = sys.argv[1:]

class Sink:
    def write(self, data):
        pass

async def main():
    client = AsyncIOMotorClient(uri)
    bucket = AsyncIOMotorGridFSBucket(client[name])
    file_id = await bucket.upload_from_stream("file", io.BytesIO(bytes(40 << 20)))
    counts = []
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        await bucket.download_to_stream(file_id, Sink())
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    await client.close()
    print(statistics.median(counts))

if how == "forget":
    malloc._kept = True
asyncio.run(main())
"""


def page_faults(uri: str, name: str, how: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, uri, name, how], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they do")
def test_large_blocks_are_not_given_back_to_the_operating_system(
    mongo_uri: str, db_name: str
) -> None:
    # 40 MB have 10,240 pages. Without the lesson about half of them are cleared anew.
    assert (
        page_faults(mongo_uri, db_name, "keep") < 1000 < page_faults(mongo_uri, db_name, "forget")
    )
