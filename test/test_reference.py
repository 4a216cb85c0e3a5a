"""What `help()` says of the methods that people use most: first what they do, and how."""

from __future__ import annotations

import asyncio
import inspect
import io
import pydoc
import re
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pymongo
import pytest

import motor
from motor.originals import own_part
from support import Framework, class_names

MOST_USED = {
    "Client": """close drop_database get_database get_default_database list_database_names
        list_databases server_info start_session watch""",
    "Database": """aggregate command create_collection drop_collection get_collection
        list_collection_names list_collections watch with_options""",
    "Collection": """aggregate bulk_write count_documents create_index create_indexes delete_many
        delete_one distinct drop drop_index drop_indexes estimated_document_count find find_one
        find_one_and_delete find_one_and_replace find_one_and_update index_information insert_many
        insert_one list_indexes rename replace_one update_many update_one watch with_options""",
    "Cursor": "batch_size close distinct explain hint limit next rewind skip sort to_list",
    "ChangeStream": "close next try_next",
    "ClientSession": """abort_transaction commit_transaction end_session start_transaction
        with_transaction""",
    "GridFSBucket": """delete download_to_stream find open_download_stream open_upload_stream rename
        upload_from_stream""",
}
METHODS = [(name, method) for name, methods in MOST_USED.items() for method in methods.split()]

#: What is in the collection of the examples.
BOOKS = [
    {"title": "Emma", "author": "Austen", "year": 1815},
    {"title": "Persuasion", "author": "Austen", "year": 1817},
    {"title": "Evelina", "author": "Burney", "year": 1778},
]


def own_doc(framework: Framework, name: str, method: str) -> str:
    return own_part(inspect.getdoc(getattr(getattr(framework, name), method)) or "")


def example_of(doc: str) -> str:
    """The first literal block of a docstring."""
    block = re.search(r"^::\n\n((?: {4}.*\n|\n)+)", f"{doc}\n", re.MULTILINE)
    assert block is not None, doc
    return textwrap.dedent(block[1]).strip()


def test_they_are_more_than_fifty() -> None:
    assert len(METHODS) > 50
    assert len(set(METHODS)) == len(METHODS)


@pytest.mark.parametrize("name", MOST_USED)
def test_the_first_sentence_says_what_it_does_and_returns(framework: Framework, name: str) -> None:
    for method in MOST_USED[name].split():
        first = own_doc(framework, name, method).partition("\n\n")[0]
        assert re.match(r"[A-Z][a-z]+ (?!:meth:)", first), f"{name}.{method}: {first}"
        assert "Like :" not in first
        assert re.search(r"Returns? ", first), f"{name}.{method}: {first}"


@pytest.mark.parametrize(("name", "method"), METHODS)
async def test_the_example_runs(
    framework: Framework,
    client: Any,
    db: Any,
    mongo_uri: str,
    server_version: tuple[int, ...],
    name: str,
    method: str,
) -> None:
    if (name, method) == ("Database", "aggregate") and server_version < (5, 1):
        pytest.skip("the example's $documents needs MongoDB 5.1")
    await db.books.insert_many([dict(book) for book in BOOKS])
    bucket, session = framework.GridFSBucket(db), client.start_session()
    names = {
        **vars(pymongo),
        "books": db.books,
        "bucket": bucket,
        "client": framework.Client(mongo_uri) if method == "close" else client,
        "db": db,
        "file_id": await bucket.upload_from_stream("emma.txt", b"Emma Woodhouse"),
        "io": io,
        "print": lambda *_: None,
        "session": session,
    }
    example = example_of(own_doc(framework, name, method))
    code = f"async def example():\n{textwrap.indent(example, '    ')}"
    exec(compile(code, f"<the example of {name}.{method}>", "exec"), names)
    writer = asyncio.ensure_future(keep_changing(db)) if "stream" in example else None
    try:
        await names["example"]()
    finally:
        if writer is not None:
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        await session.end_session()


async def keep_changing(db: Any) -> None:
    """Insert documents, for change streams that are opened meanwhile."""
    while True:
        await db.changing.insert_one({})
        await db.books.insert_one({"title": "changing"})
        await asyncio.sleep(0.02)


def members(framework: Framework) -> Iterator[tuple[str, str, Any]]:
    for name in class_names():
        cls = getattr(framework, name)
        for member in dir(cls):
            if not member.startswith("_"):
                yield name, member, getattr(cls, member)


def test_help_names_public_classes_only(framework: Framework) -> None:
    for name, member, value in members(framework):
        text = pydoc.render_doc(value, renderer=pydoc.plaintext)
        assert not re.search(r"\b_?Agnostic\w", text), f"{name}.{member}"
        # The names of types in a signature are those of PyMongo's, which has private ones.
        doc = inspect.getdoc(value) or ""
        assert not re.search(r"\b_[A-Z]\w*", doc), f"{name}.{member}"


def test_help_ends_with_pymongos_own_words(framework: Framework) -> None:
    for method in ("insert_one", "find", "aggregate", "watch", "distinct", "with_options"):
        doc = inspect.getdoc(getattr(framework.Collection, method)) or ""
        twin = getattr(framework.Collection.__async_class__, method)
        theirs = inspect.getdoc(twin) or ""
        rest = doc.removeprefix(own_part(doc))
        assert rest.split("\n")[2].startswith("PyMongo's own description")
        # PyMongo's synchronous and asynchronous docstrings begin alike.
        assert [line.strip() for line in rest.split("\n")[4:6]] == theirs.split("\n")[:2]


def test_what_motor_says_ends_where_pymongos_words_begin(framework: Framework) -> None:
    for name, member, value in members(framework):
        own = own_part(inspect.getdoc(value) or "")
        assert own, f"{name}.{member}"
        assert "versionadded" not in own, f"{name}.{member}"


def test_stubs_have_the_same_sentences(framework: Framework) -> None:
    stub = (Path(motor.__file__).parent / "core" / "__init__.pyi").read_text("utf-8")
    words = " ".join(stub.split())
    for name, method in METHODS:
        own = " ".join(own_doc(framework, name, method).split())
        assert own in words, f"{name}.{method}"
