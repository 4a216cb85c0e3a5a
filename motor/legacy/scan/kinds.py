"""The kinds of objects that the scanner knows, and what gives an object of each kind."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = [
    "BELOW",
    "CLASSES",
    "CLIENT_CLASSES",
    "MODULES",
    "NO_CHILDREN",
    "OTHER",
    "RESULTS",
    "SPEAKING",
    "UNKNOWN",
    "Guess",
    "Kind",
]


class Kind(enum.Enum):
    """What an expression may be."""

    CLIENT = "client"
    DATABASE = "database"
    COLLECTION = "collection"
    CURSOR = "cursor"
    #: What ``aggregate`` returns.
    COMMAND_CURSOR = "command_cursor"
    GRIDFS = "gridfs"
    GRID_IN = "grid_in"
    GRID_OUT = "grid_out"
    BULK = "bulk_builder"
    MODULE = "module"
    #: Certainly something else, such as a list.
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Guess:
    """What an expression is, and whether that was seen or only guessed from a name."""

    kind: Kind
    sure: bool = True

    def of(self, kind: Kind) -> Guess:
        """A guess of another kind that is as sure as this one."""
        return Guess(kind, self.sure)


UNKNOWN = Guess(Kind.UNKNOWN, sure=False)
OTHER = Guess(Kind.OTHER)

CLIENT_CLASSES = {
    "MotorClient",
    "MotorReplicaSetClient",
    "MotorConnection",
    "MotorReplicaSetConnection",
    "MongoClient",
    "MongoReplicaSetClient",
    "AsyncMongoClient",
    "AsyncIOMotorClient",
    "AsyncIOMotorReplicaSetClient",
}

#: What calling a class gives, by the class's name.
CLASSES = {
    **dict.fromkeys(CLIENT_CLASSES, Kind.CLIENT),
    **{
        prefix + name: kind
        for prefix in ("Motor", "AsyncIOMotor", "Agnostic")
        for name, kind in {
            "Client": Kind.CLIENT,
            "Database": Kind.DATABASE,
            "Collection": Kind.COLLECTION,
            "Cursor": Kind.CURSOR,
            "GridFS": Kind.GRIDFS,
            "GridIn": Kind.GRID_IN,
            "GridOut": Kind.GRID_OUT,
            # Its methods have the names of MotorGridFS's.
            "GridFSBucket": Kind.OTHER,
        }.items()
    },
    # PyMongo's own clients have nothing to do with Motor.
    **dict.fromkeys(("GridFS", "GridFSBucket", "AsyncGridFS", "AsyncGridFSBucket"), Kind.OTHER),
}

MODULES = {"motor", "motor.motor_tornado", "motor.motor_asyncio"}

#: What calling a method of a kind of object gives.
RESULTS = {
    (Kind.CLIENT, "open"): Kind.CLIENT,
    (Kind.CLIENT, "open_sync"): Kind.CLIENT,
    (Kind.CLIENT, "get_database"): Kind.DATABASE,
    (Kind.CLIENT, "get_default_database"): Kind.DATABASE,
    (Kind.CLIENT, "sync_client"): Kind.OTHER,
    (Kind.DATABASE, "get_collection"): Kind.COLLECTION,
    (Kind.DATABASE, "create_collection"): Kind.COLLECTION,
    (Kind.DATABASE, "with_options"): Kind.DATABASE,
    (Kind.COLLECTION, "with_options"): Kind.COLLECTION,
    (Kind.COLLECTION, "find"): Kind.CURSOR,
    (Kind.COLLECTION, "aggregate"): Kind.COMMAND_CURSOR,
    (Kind.COLLECTION, "initialize_ordered_bulk_op"): Kind.BULK,
    (Kind.COLLECTION, "initialize_unordered_bulk_op"): Kind.BULK,
    (Kind.BULK, "find"): Kind.BULK,
    (Kind.BULK, "upsert"): Kind.BULK,
    (Kind.GRIDFS, "open"): Kind.GRIDFS,
    (Kind.GRIDFS, "get"): Kind.GRID_OUT,
    (Kind.GRIDFS, "get_version"): Kind.GRID_OUT,
    (Kind.GRIDFS, "get_last_version"): Kind.GRID_OUT,
    (Kind.GRIDFS, "find_one"): Kind.GRID_OUT,
    (Kind.GRIDFS, "new_file"): Kind.GRID_IN,
    (Kind.GRIDFS, "find"): Kind.CURSOR,
    **{
        (Kind.CURSOR, name): Kind.CURSOR
        for name in [
            "add_option",
            "allow_disk_use",
            "batch_size",
            "clone",
            "collation",
            "comment",
            "hint",
            "limit",
            "max",
            "max_scan",
            "max_time_ms",
            "min",
            "remove_option",
            "rewind",
            "skip",
            "sort",
            "where",
        ]
    },
}

#: What is below a client, a database and a collection: ``client.shop.orders.items``.
BELOW = {
    Kind.CLIENT: Kind.DATABASE,
    Kind.DATABASE: Kind.COLLECTION,
    Kind.COLLECTION: Kind.COLLECTION,
}

#: The attributes of clients, databases and collections that are not below them.
NO_CHILDREN = {
    "address", "admin_command", "arbiters", "client", "codec_options", "connected", "connection",
    "delegate", "full_name", "io_loop", "name", "nodes", "options", "primary", "read_concern",
    "read_preference", "secondaries", "topology_description", "write_concern",
}  # fmt: skip

#: The last words of names that say what they stand for.
SPEAKING = {
    **dict.fromkeys(("db", "database", "mongodb"), Kind.DATABASE),
    **dict.fromkeys(("collection", "coll"), Kind.COLLECTION),
    **dict.fromkeys(("motor", "mongo", "client"), Kind.CLIENT),
    **dict.fromkeys(("fs", "gridfs"), Kind.GRIDFS),
    **dict.fromkeys(("cursor", "bulk"), Kind.UNKNOWN),
}
