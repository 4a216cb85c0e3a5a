"""Help for testing programs that use Motor."""

from motor.testing.embedded import EmbeddedMongo, server
from motor.testing.mongod import MongodFailed, MongodNotFound

__all__ = ["EmbeddedMongo", "MongodFailed", "MongodNotFound", "server"]
