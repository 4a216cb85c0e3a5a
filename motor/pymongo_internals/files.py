"""What the files of GridFS do not tell in public."""

from __future__ import annotations

from typing import Any

from gridfs import GridOut

__all__ = [
    "ensure_gridfs_indexes",
    "file_document",
    "finish_upload",
    "gridfs_collections",
    "gridfs_session",
    "mark_closed",
    "read_line",
]


def file_document(grid_file: Any) -> dict[str, Any] | None:
    """The document of a GridIn's or GridOut's file; None of a GridOut that has not been opened.

    Uses ``_file``: in public a GridOut's fields are there one by one, and asking for any of them
    opens the file, which waits for the server.
    """
    found: dict[str, Any] | None = grid_file._file
    return found


def gridfs_collections(grid_file: Any) -> tuple[Any, Any]:
    """The collections of files and of chunks that a GridIn or GridOut works with.

    Uses ``_chunks``, and ``GridIn._coll`` or ``GridOut._files``: they have the options that PyMongo
    chose for them, such as reading from the primary, and in public they cannot be had.
    """
    if isinstance(grid_file, GridOut):
        return grid_file._files, grid_file._chunks
    return grid_file._coll.files, grid_file._chunks


def gridfs_session(grid_file: Any) -> Any:
    """The session that a GridIn or GridOut was made with, or None.

    Uses ``_session``: in public it cannot be asked for.
    """
    return grid_file._session


def ensure_gridfs_indexes(grid_in: Any) -> None:
    """Make the indexes of a bucket that is empty. Blocks.

    Uses ``GridIn._ensure_indexes``: in public a GridIn does this when it writes chunks, and Motor
    writes them itself, in smaller batches and two at a time.
    """
    grid_in._ensure_indexes()


def finish_upload(grid_in: Any, length: int) -> None:
    """Insert the document of a file whose chunks are there, and close its GridIn. Blocks.

    Uses ``GridIn._position``, from which PyMongo takes the file's length, for the reason that
    `ensure_gridfs_indexes` gives.
    """
    object.__setattr__(grid_in, "_position", length)
    grid_in.close()


def mark_closed(grid_in: Any) -> None:
    """Close a GridIn without sending anything.

    Uses ``GridIn._closed``: in public ``close`` finishes the file, and ``abort`` deletes whatever
    has its ``_id``, even if that is another file, which was there before.
    """
    object.__setattr__(grid_in, "_closed", True)


def read_line(grid_out: Any, size: int) -> bytes:
    """The next line of a GridOut, or the next `size` bytes of it. Blocks.

    Uses ``GridOut._read_size_or_line``: the public ``readline`` is that of ``io.IOBase``, which
    calls ``read(1)`` for each byte.
    """
    line: bytes = grid_out._read_size_or_line(size=size, line=True)
    return line
