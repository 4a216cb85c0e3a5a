"""The memory of large replies is kept for the next ones."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, threading
from motor.memory import keep_large_blocks

def batches():
    # As a file comes from GridFS: a reply of 4 MB, its chunks, and the chunks before that.
    chunks = []
    for _ in range(30):
        reply = bytearray(4 << 20)
        chunks = [bytes(reply[i << 18 : (i + 1) << 18]) for i in range(16)]
        del reply

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread = threading.Thread(target=batches)
    thread.start()
    thread.join()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep":
    keep_large_blocks()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they do")
def test_large_blocks_are_not_given_back_to_the_operating_system() -> None:
    def faults(how: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    # The chunks of the last batch have 1,024 pages, and so has a reply.
    assert faults("keep") < 1000 < faults("do not")
