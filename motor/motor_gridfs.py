"""Where Motor 3 had its classes for GridFS, of no framework yet. They are in ``motor.core``.

Applications use those of ``motor.motor_asyncio`` or ``motor.motor_tornado``.
"""

from motor.core import (
    AgnosticGridFSBucket,
    AgnosticGridIn,
    AgnosticGridOut,
    AgnosticGridOutCursor,
)
from motor.core.gridfs.grid_out import MotorGridOutProperty

__all__ = [
    "AgnosticGridFSBucket",
    "AgnosticGridIn",
    "AgnosticGridOut",
    "AgnosticGridOutCursor",
    "MotorGridOutProperty",
]
