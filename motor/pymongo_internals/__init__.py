"""The private names of PyMongo that Motor uses, each with its reason. No other package has any."""

from __future__ import annotations

from motor.pymongo_internals.cursors import count_options
from motor.pymongo_internals.settings import set_client_options

__all__ = ["count_options", "set_client_options"]
