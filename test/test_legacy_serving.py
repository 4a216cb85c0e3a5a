"""A `GridFSHandler` whose `get_gridfs_file` was written before there were buckets."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import gridfs
import pytest

from support import Framework
from support.web import Site, running, tornado_server

pytest.importorskip("tornado")


def site_with(db: Any, get_gridfs_file: Any) -> Any:
    from tornado.web import Application

    from motor.web import GridFSHandler

    handler = type("Handler", (GridFSHandler,), {"get_gridfs_file": get_gridfs_file})
    route = (r"/files/(.*)", handler, {"database": db, "root_collection": "pictures"})
    return running(tornado_server(Application([route])))


def of_old(self: Any, fs: Any, path: str) -> Any:
    return fs.get_version(path, 0)


def with_a_bug(self: Any, bucket: Any, filename: str, request: Any) -> Any:
    raise TypeError("a bug of its own")


def of_nobody(self: Any, filename: str) -> Any:
    raise AssertionError("cannot be called")


@pytest.fixture
def tornado_db(mongo_uri: str, db_name: str, sync_db: Any) -> Iterator[Any]:
    files = gridfs.GridFSBucket(sync_db, "pictures")
    files.upload_from_stream("a", b"first")
    files.upload_from_stream("a", b"second")
    client = Framework("tornado").Client(mongo_uri, serverMonitoringMode="poll")
    yield client[db_name]
    client.close()


@pytest.fixture
def requested() -> Iterator[list[warnings.WarningMessage]]:
    """The warnings of a test, on any thread."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def test_choosing_a_file_the_old_way_works_and_warns_where_it_is_defined(
    tornado_db: Any, requested: list[warnings.WarningMessage]
) -> None:
    site: Site
    with site_with(tornado_db, of_old) as site:
        answer = site.get("a")
        assert (answer.status, answer.body) == (200, b"first")
        assert site.get("b").status == 404
    chosen = [w for w in requested if "get_gridfs_file" in str(w.message)]
    assert {(w.category, w.filename) for w in chosen} == {(DeprecationWarning, __file__)}
    _, line = inspect.getsourcelines(of_old)
    assert {w.lineno for w in chosen} == {line}
    message = str(chosen[0].message)
    assert "(self, bucket, filename, request)" in message
    assert "doc/migrate-from-motor-0/gridfs.rst#grid-fs-handler-get-gridfs-file" in message
    # And the method of the old GridFS, at its own line.
    assert {w.lineno for w in requested if "get_version()" in str(w.message)} == {line + 1}


@pytest.mark.parametrize("function", [with_a_bug, of_nobody])
def test_other_mistakes_stay_mistakes(
    tornado_db: Any, requested: list[warnings.WarningMessage], function: Any, caplog: Any
) -> None:
    site: Site
    with site_with(tornado_db, function) as site:
        assert site.get("a").status == 500
    assert requested == []
    assert "TypeError" in caplog.text
