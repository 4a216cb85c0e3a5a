"""What every read preference is an instance of, for annotations.

PyMongo's own base class of them has no public name.
"""

from pymongo.read_preferences import (
    Nearest,
    Primary,
    PrimaryPreferred,
    Secondary,
    SecondaryPreferred,
)

__all__ = ["ServerMode"]

ServerMode = Primary | PrimaryPreferred | Secondary | SecondaryPreferred | Nearest
