"""Tell, in source code that is read and not run, what an expression probably is.

``db.things.insert(...)`` is an old call if ``db`` is a Motor database, and none of Motor's business
if ``db`` is a list of lists. What is assigned decides where it can be seen; where it cannot, as
with a function's parameters, names such as ``db`` and ``collection`` count as good guesses.
"""

from __future__ import annotations

import ast
import enum
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["CLIENT_CLASSES", "Guess", "Kind", "Names", "last_name"]


class Kind(enum.Enum):
    """What an expression may be."""

    CLIENT = "client"
    DATABASE = "database"
    COLLECTION = "collection"
    CURSOR = "cursor"
    GRIDFS = "gridfs"
    GRID_IN = "grid_in"
    GRID_OUT = "grid_out"
    BULK = "bulk_builder"
    MODULE = "module"
    #: Something else for certain: a list, say.
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
    "MongoClient",
    "MongoReplicaSetClient",
    "AsyncMongoClient",
    "AsyncIOMotorClient",
    "AsyncIOMotorReplicaSetClient",
}
_CLASSES = {
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
            # What came after them has methods of the same names.
            "GridFSBucket": Kind.OTHER,
        }.items()
    },
    # PyMongo's own, which are no coroutines' business.
    **dict.fromkeys(("GridFS", "GridFSBucket", "AsyncGridFS", "AsyncGridFSBucket"), Kind.OTHER),
}
_MODULES = {"motor", "motor.motor_tornado", "motor.motor_asyncio"}

#: What calling a method of a kind of object gives.
_RESULTS = {
    (Kind.CLIENT, "open"): Kind.CLIENT,
    (Kind.CLIENT, "get_database"): Kind.DATABASE,
    (Kind.CLIENT, "get_default_database"): Kind.DATABASE,
    (Kind.DATABASE, "get_collection"): Kind.COLLECTION,
    (Kind.DATABASE, "create_collection"): Kind.COLLECTION,
    (Kind.DATABASE, "with_options"): Kind.DATABASE,
    (Kind.COLLECTION, "with_options"): Kind.COLLECTION,
    (Kind.COLLECTION, "find"): Kind.CURSOR,
    (Kind.COLLECTION, "initialize_ordered_bulk_op"): Kind.BULK,
    (Kind.COLLECTION, "initialize_unordered_bulk_op"): Kind.BULK,
    (Kind.BULK, "find"): Kind.BULK,
    (Kind.BULK, "upsert"): Kind.BULK,
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
#: The attributes of clients and databases that are no databases and collections.
_OWN = {
    "address", "admin_command", "arbiters", "client", "codec_options", "connection", "delegate",
    "full_name", "io_loop", "name", "nodes", "options", "primary", "read_concern",
    "read_preference", "secondaries", "topology_description", "write_concern",
}  # fmt: skip
#: What is found in the databases of other libraries.
_OTHERS = {"connection", "engine", "metadata", "session"}
#: What is below a client, a database, and a collection.
_BELOW = {
    Kind.CLIENT: Kind.DATABASE,
    Kind.DATABASE: Kind.COLLECTION,
    Kind.COLLECTION: Kind.COLLECTION,
}
#: The last words of names that say what they stand for.
_SPEAKING = {
    **dict.fromkeys(("db", "database", "mongodb"), Kind.DATABASE),
    **dict.fromkeys(("collection", "coll"), Kind.COLLECTION),
    **dict.fromkeys(("motor", "mongo", "client"), Kind.CLIENT),
    **dict.fromkeys(("fs", "gridfs"), Kind.GRIDFS),
    **dict.fromkeys(("cursor", "bulk"), Kind.UNKNOWN),
}
_LITERALS = (
    ast.List,
    ast.Dict,
    ast.Set,
    ast.Tuple,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
    ast.JoinedStr,
    ast.Constant,
    ast.BinOp,
    ast.Compare,
    ast.Lambda,
)


def last_name(node: ast.expr) -> str:
    """The last name in a dotted expression: "insert" of ``self.db.things.insert``; else ""."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


@dataclass
class Names:
    """What the names of one scope stand for, as far as it was read. Outer scopes shine through.

    - `outer`: the scope around it; None for a module
    - `names_tell`: whether a name such as ``db`` is reason enough for a guess
    - `about_mongodb`: whether the module imports one of MongoDB's libraries
    """

    outer: Names | None = None
    names_tell: bool = True
    about_mongodb: bool = False
    _kinds: dict[str, Guess] = field(default_factory=dict)
    #: Modules of the standard library: what comes from them is none of PyMongo's.
    _foreign: set[str] = field(default_factory=set)
    #: What ``self.x`` and ``cls.x`` are, in a class's methods.
    _attributes: dict[str, Guess] = field(default_factory=dict)

    def inner(self) -> Names:
        """A scope inside this one."""
        return Names(self, self.names_tell, self.about_mongodb, _attributes=self._attributes)

    def class_body(self, node: ast.ClassDef) -> Names:
        """The scope of a class: its methods know what any of them assigns to ``self``."""
        names = Names(self, self.names_tell, self.about_mongodb)
        for method in ast.walk(node):
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                scope = names.inner()
                scope.declare_parameters(method.args)
                for target, value in _assignments(method):
                    scope.assign(target, value)
        return names

    def guess(self, node: ast.expr) -> Guess:
        """What an expression probably is."""
        match node:
            case ast.Await(value=value) | ast.NamedExpr(value=value) | ast.YieldFrom(value=value):
                return self.guess(value)
            case ast.Yield(value=ast.expr() as value):
                return self.guess(value)
            case ast.Name(id=name):
                return self._lookup(name)
            case ast.Attribute():
                return self._guess_attribute(node)
            case ast.Subscript(value=value):
                return self._guess_item(node, self.guess(value))
            case ast.Call():
                return self._guess_call(node)
            case ast.IfExp(body=body):
                return self.guess(body)
            case ast.BoolOp(values=[*_, last]):
                return self.guess(last)
        return OTHER if isinstance(node, _LITERALS) else UNKNOWN

    def _guess_from_name(self, name: str) -> Guess:
        if not self.names_tell:
            return UNKNOWN
        *others, last = name.lower().split("_")
        telling = self.about_mongodb or {"motor", "mongo", "mongodb"}.intersection(others)
        if last == "client" and not telling:
            # There are clients of everything.
            return UNKNOWN
        return Guess(_SPEAKING.get(last, Kind.UNKNOWN), sure=False)

    def _lookup(self, name: str) -> Guess:
        scope: Names | None = self
        while scope is not None:
            if name in scope._kinds:
                return scope._kinds[name]
            scope = scope.outer
        return self._guess_from_name(name)

    def _is_foreign(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute | ast.Call):
            node = node.func if isinstance(node, ast.Call) else node.value
        scope: Names | None = self
        while scope is not None and isinstance(node, ast.Name):
            if node.id in scope._foreign:
                return True
            scope = scope.outer
        return False

    def _guess_attribute(self, node: ast.Attribute) -> Guess:
        if self._is_foreign(node):
            return OTHER
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            return self._attributes.get(node.attr) or self._guess_from_name(node.attr)
        owner = self.guess(node.value)
        if node.attr == "database" and owner.kind is Kind.COLLECTION:
            return owner.of(Kind.DATABASE)
        if node.attr in ("client", "connection") and owner.kind is Kind.DATABASE:
            return owner.of(Kind.CLIENT)
        if owner.kind is Kind.MODULE:
            return Guess(Kind.MODULE) if node.attr.startswith("motor_") else UNKNOWN
        if not owner.sure and node.attr in _OTHERS:
            return UNKNOWN
        if owner.kind in _BELOW and node.attr not in _OWN and not node.attr.startswith("_"):
            return owner.of(_BELOW[owner.kind])
        return OTHER if owner.kind is Kind.OTHER else self._guess_from_name(node.attr)

    def _guess_item(self, node: ast.Subscript, owner: Guess) -> Guess:
        if owner.kind in _BELOW:
            return owner.of(_BELOW[owner.kind])
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            # settings["db"], as applications of Tornado and aiohttp keep it.
            return self._guess_from_name(node.slice.value)
        return UNKNOWN

    def _guess_call(self, node: ast.Call) -> Guess:
        name = last_name(node.func)
        if name in _CLASSES:
            return Guess(_CLASSES[name])
        if name in ("list", "dict", "set", "str", "tuple", "sorted", "bytearray", "deque"):
            return OTHER
        if isinstance(node.func, ast.Attribute):
            if self._is_foreign(node.func):
                return OTHER
            owner = self.guess(node.func.value)
            found = _RESULTS.get((owner.kind, name))
            if found is not None:
                return owner.of(found)
        return UNKNOWN

    # Reading statements.

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """Take note of ``target = value``."""
        if isinstance(target, ast.Tuple | ast.List):
            values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            for each, part in zip(target.elts, values, strict=False):
                self.assign(each, part)
            return
        self.declare(target, self.guess(value))

    def declare(self, target: ast.expr, guess: Guess) -> None:
        """Take note that `target` is what `guess` says; no news if it says nothing."""
        name = last_name(target)
        if guess.kind is Kind.UNKNOWN:
            guess = self._guess_from_name(name)
        if isinstance(target, ast.Name):
            self._kinds[name] = guess
        elif isinstance(target, ast.Attribute) and last_name(target.value) in ("self", "cls"):
            # None, as __init__ often has it, is a promise of something else.
            known = self._attributes.get(name)
            if known is None or known.kind in (Kind.OTHER, Kind.UNKNOWN):
                self._attributes[name] = guess

    def declare_parameters(self, arguments: ast.arguments) -> None:
        """Take note of a function's parameters, by their annotations or else by their names."""
        optional = [arguments.vararg, arguments.kwarg]
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self._kinds[argument.arg] = self._guess_annotated(argument)
        for catch_all in optional:
            if catch_all is not None:
                self._kinds[catch_all.arg] = OTHER

    def _guess_annotated(self, argument: ast.arg) -> Guess:
        annotation = argument.annotation
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                annotation = ast.parse(annotation.value, mode="eval").body
            except SyntaxError:
                annotation = None
        if isinstance(annotation, ast.Subscript):
            annotation = annotation.value
        name = "" if annotation is None else last_name(annotation)
        if name in _CLASSES:
            return Guess(_CLASSES[name])
        if name in ("list", "dict", "set", "str", "List", "Dict", "Set", "Sequence", "Mapping"):
            return OTHER
        return self._guess_from_name(argument.arg)

    def import_module(self, module: str, bound_name: str) -> None:
        """Take note of ``import module as bound_name``, or ``from package import module``."""
        if module in _MODULES:
            self._kinds[bound_name] = Guess(Kind.MODULE)
        elif module.partition(".")[0] in sys.stdlib_module_names:
            self._foreign.add(bound_name)


def _assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    for each in ast.walk(node):
        if isinstance(each, ast.Assign):
            for target in each.targets:
                yield target, each.value
        elif isinstance(each, ast.AnnAssign) and each.value is not None:
            yield each.target, each.value
