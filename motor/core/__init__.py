"""What differs from PyMongo, a concept a file. Everything else is derived from PyMongo's classes.

The classes here have no framework yet: applications use those of `motor.motor_asyncio` or
`motor.motor_tornado`.
"""

from motor.core.base import AgnosticBase
from motor.core.change_stream import AgnosticChangeStream
from motor.core.client import AgnosticClient
from motor.core.collection import AgnosticCollection
from motor.core.cursors.base import AgnosticBaseCursor
from motor.core.cursors.command_cursor import (
    AgnosticCommandCursor,
    AgnosticRawBatchCommandCursor,
)
from motor.core.cursors.cursor import AgnosticCursor, AgnosticRawBatchCursor
from motor.core.cursors.latent import AgnosticLatentCommandCursor
from motor.core.database import AgnosticDatabase
from motor.core.encryption import AgnosticClientEncryption
from motor.core.gridfs import (
    AgnosticGridFSBucket,
    AgnosticGridIn,
    AgnosticGridOut,
    AgnosticGridOutCursor,
)
from motor.core.session import AgnosticClientSession

#: Motor 3's name for the base of what has codec options; here every class has what its delegate
#: has.
AgnosticBaseProperties = AgnosticBase

__all__ = [
    "AgnosticBase",
    "AgnosticBaseCursor",
    "AgnosticBaseProperties",
    "AgnosticChangeStream",
    "AgnosticClient",
    "AgnosticClientEncryption",
    "AgnosticClientSession",
    "AgnosticCollection",
    "AgnosticCommandCursor",
    "AgnosticCursor",
    "AgnosticDatabase",
    "AgnosticGridFSBucket",
    "AgnosticGridIn",
    "AgnosticGridOut",
    "AgnosticGridOutCursor",
    "AgnosticLatentCommandCursor",
    "AgnosticRawBatchCommandCursor",
    "AgnosticRawBatchCursor",
]
