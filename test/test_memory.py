"""The memory of large messages is kept for the next ones."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from support import run_python

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

pytestmark = [
    pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they do"),
    pytest.mark.skipif(
        HUGE_PAGES.exists() and "[always]" in HUGE_PAGES.read_text(),
        reason="pages of 2 MB cannot be counted so",
    ),
]


def page_faults(how: str) -> int:
    """How many pages the system clears for six blocks of 8 MB, when that many were just freed."""
    done = run_python(
        """
        import resource, sys
        from motor.execution import malloc

        def use():
            return [b"x" * (8 << 20) for _ in range(6)]

        if sys.argv[1] == "keep":
            malloc.keep_large_blocks()
        for _ in range(3):
            use()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        use()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
        """,
        how,
    )
    return int(done.stdout)


def test_large_blocks_are_not_given_back_to_the_operating_system() -> None:
    # They have 12,288 pages.
    assert page_faults("keep") < 1000 < page_faults("forget")


@pytest.mark.parametrize(("megabytes", "kept"), [(2, True), (0, False)])
def test_large_messages_are_what_memory_is_kept_for(
    mongo_uri: str, db_name: str, megabytes: int, kept: bool
) -> None:
    code = """
        import asyncio, sys
        from motor.execution import malloc
        from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorGridFSBucket

        async def main(uri, name, megabytes):
            async with AsyncIOMotorClient(uri) as client:
                bucket = AsyncIOMotorGridFSBucket(client[name])
                file_id = await bucket.upload_from_stream("file", bytes((megabytes << 20) + 1000))
                # What has to be seen now is what reading does.
                malloc._kept = False
                await (await bucket.open_download_stream(file_id)).read()
                print(malloc._kept)

        asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
        """
    assert run_python(code, mongo_uri, db_name, str(megabytes)).stdout == f"{kept}\n"


@pytest.mark.parametrize("touched", [True, False])
def test_pages_are_cleared_before_the_memory_is_needed(touched: bool) -> None:
    done = run_python(
        """
        import resource, sys, threading
        from motor.execution import malloc

        def count():
            if sys.argv[1] == "True":
                malloc.touch_ahead(8 << 20)
            before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
            bytearray(8 << 20)
            print(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)

        thread = threading.Thread(target=count)
        thread.start()
        thread.join()
        """,
        str(touched),
    )
    # There are 2,048 of them.
    assert (int(done.stdout) < 200) is touched
