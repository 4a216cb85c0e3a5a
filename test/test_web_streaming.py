"""Large files over HTTP: slow clients, clients that go, files that break on the way."""

from __future__ import annotations

import gc
import http.client
import socket
import struct
import weakref

import pytest

from support import PATIENCE, wait_until
from support.cursors import open_cursors
from support.streaming import bytes_read, stalled_client, wait_until_quiet

CHUNK = 255 * 1024
CHUNKS = 160
LENGTH = CHUNK * CHUNKS

#: Bytes: what the kernel holds of a connection on the loopback device, some 4 MB, what servers do,
#: and what Motor reads ahead.
_MOST_AHEAD = 12 * 2**20


@pytest.fixture
def large_file(sync_db, sync_bucket):
    """The start of a file of 1 GB. The rest is not there: reading that far would be an error."""
    file_id = sync_bucket.upload_from_stream("large.bin", bytes(LENGTH), chunk_size_bytes=CHUNK)
    sync_db["fs.files"].update_one({"_id": file_id}, {"$set": {"length": 2**30}})
    return file_id


@pytest.fixture
def opened():
    """Weak references to the files that the site has opened."""
    return []


@pytest.fixture
def watched_site(start_site, opened):
    async def get_gridfs_file(bucket, filename, request):
        grid_out = await bucket.open_download_stream_by_name(filename)
        opened.append(weakref.ref(grid_out))
        return grid_out

    return start_site(get_gridfs_file=get_gridfs_file)


@pytest.mark.usefixtures("large_file")
def test_reading_runs_only_a_little_ahead_of_a_slow_client(watched_site, commands, opened):
    with stalled_client(watched_site.port) as connection:
        first = wait_until_quiet(commands)
        assert 0 < first < _MOST_AHEAD
        # It goes on when the client does, and no further.
        received = 0
        while received < first:
            received += len(connection.recv(2**20))
        wait_until(lambda: bytes_read(commands) > first)
        assert wait_until_quiet(commands) < received + _MOST_AHEAD < LENGTH


@pytest.mark.usefixtures("large_file")
@pytest.mark.parametrize("how", ["reset", "closed"])
def test_a_client_that_goes_ends_the_reading(
    watched_site, commands, opened, sync_client, db_name, how
):
    connection = stalled_client(watched_site.port)
    wait_until(lambda: bytes_read(commands))
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()

    def forgotten():
        gc.collect()
        return opened[0]() is None

    wait_until(forgotten, what="the server has let go of the file")
    assert bytes_read(commands) < LENGTH
    assert not open_cursors(sync_client, f"{db_name}.fs.chunks")


def test_a_file_of_many_small_chunks(site, sync_bucket):
    content = bytes(range(250)) * 4000
    sync_bucket.upload_from_stream("a", content, chunk_size_bytes=250)
    assert site.get("a").body == content
    assert site.get("a", range="bytes=1000-999000").body == content[1000:999001]


@pytest.mark.usefixtures("expects_server_errors")
def test_a_file_that_breaks_on_the_way_breaks_the_answer(
    start_site, sync_db, sync_bucket, server_errors
):
    file_id = sync_bucket.upload_from_stream("broken", bytes(2**20), chunk_size_bytes=2**16)
    sync_db["fs.chunks"].delete_one({"files_id": file_id, "n": 10})
    connection = http.client.HTTPConnection("127.0.0.1", start_site().port, timeout=PATIENCE)
    connection.request("GET", "/files/broken")
    response = connection.getresponse()
    assert response.status == 200
    with pytest.raises(http.client.IncompleteRead) as broken:
        response.read()
    connection.close()
    assert len(broken.value.partial) <= 10 * 2**16
    wait_until(lambda: any("CorruptGridFile" in error for error in server_errors()))


@pytest.mark.usefixtures("expects_server_errors")
def test_a_file_without_any_content_is_a_server_error(start_site, sync_db, sync_bucket):
    sync_bucket.upload_from_stream("broken", b"content")
    sync_db["fs.chunks"].delete_many({})
    connection = http.client.HTTPConnection("127.0.0.1", start_site().port, timeout=PATIENCE)
    connection.request("GET", "/files/broken")
    assert connection.getresponse().status == 500
    connection.close()


def test_many_clients_at_once_get_what_each_has_asked_for(site, sync_bucket):
    from concurrent.futures import ThreadPoolExecutor

    contents = {f"file{n}": bytes([n]) * (300_000 + n) for n in range(8)}
    for name, content in contents.items():
        sync_bucket.upload_from_stream(name, content)
    with ThreadPoolExecutor(8) as threads:
        for _ in range(3):
            answers = threads.map(site.get, contents)
            assert [answer.body for answer in answers] == list(contents.values())
