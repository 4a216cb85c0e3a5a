"""Files in MongoDB: buckets, the files that are written and read, and what moves their bytes.

PyMongo's classes know the files, their documents and their errors. The chunks are moved here: read
and written in batches, the next one while the last is being dealt with, on threads that are busy
for no longer than a batch takes.
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
