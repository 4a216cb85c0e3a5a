"""Files in MongoDB: buckets, files to write and to read, and the transfer of their bytes.

Motor makes the documents, the indexes and the queries itself, with PyMongo's collections. It reads
and writes chunks in batches, the next one while the last is in use, and each thread is busy only as
long as a batch takes. Each file also has PyMongo's GridIn or GridOut, which checks the arguments
and has the fields of the file.

- ``bucket.py``, ``cursor.py``: find, open, and move whole files
- ``grid_in.py``: files that are written, by way of an ``Upload`` (``writing.py``)
- ``grid_out.py``: files that are read: a ``StoredFile`` (``stored.py``), by a ``FileReader`` from
  the position on, or by a ``RangeReader`` (``ranges.py``), which reads ahead
- ``delegates.py``: an ``Upload`` and a ``StoredFile`` for which PyMongo does the work
- ``transfer.py``: sources and destinations of bytes
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
