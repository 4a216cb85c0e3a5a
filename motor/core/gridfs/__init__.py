"""Files in MongoDB: buckets, the files that are written and read, and what moves their bytes.

Motor makes the documents, the indexes and the queries itself, with PyMongo's collections. It reads
and writes chunks in batches, the next one while the last is being dealt with, on threads that are
busy for no longer than a batch takes. Beside each file stands PyMongo's GridIn or GridOut, which
has checked what the file is made with, and has its fields.

- ``bucket.py``, ``cursor.py``: find, open, and move whole files
- ``grid_in.py``: files that are written, by way of an ``Upload`` (``writing.py``)
- ``grid_out.py``: files that are read: a ``StoredFile`` (``stored.py``), by a ``FileReader`` from
  the position on, or by a ``RangeReader`` (``ranges.py``), which reads ahead
- ``delegates.py``: in place of an ``Upload`` or a ``StoredFile``, one that PyMongo does the work of
- ``transfer.py``: where bytes come from, and where they go
"""

from motor.core.gridfs.bucket import AgnosticGridFSBucket
from motor.core.gridfs.cursor import AgnosticGridOutCursor
from motor.core.gridfs.grid_in import AgnosticGridIn
from motor.core.gridfs.grid_out import AgnosticGridOut

__all__ = [
    "AgnosticGridFSBucket",
    "AgnosticGridIn",
    "AgnosticGridOut",
    "AgnosticGridOutCursor",
]
