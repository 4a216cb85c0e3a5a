"""Tell, in source code that is read and not run, what an expression probably is.

``db.things.insert(...)`` is an old call if ``db`` is a Motor database; if ``db`` is a list of
lists, it is not. Assignments decide where they can be seen. Where they cannot, as with a function's
parameters, a name such as ``db`` or ``collection`` is a good guess.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from motor.legacy.scan.kinds import (
    BELOW,
    CLASSES,
    MODULES,
    NO_CHILDREN,
    OTHER,
    RESULTS,
    SPEAKING,
    UNKNOWN,
    Guess,
    Kind,
)

__all__ = ["CALLERS", "Function", "Scope", "last_name"]

#: They call their first argument: ``yield motor.Op(db.things.insert, document)``.
CALLERS = ("Op", "Task")
#: What is found in the databases of other libraries.
_OTHERS = {"connection", "engine", "metadata", "session"}
_CONTAINERS = {"list", "dict", "set", "str", "tuple", "sorted", "bytearray", "deque"}
_CONTAINER_TYPES = {"list", "dict", "set", "str", "List", "Dict", "Set", "Sequence", "Mapping"}
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

Function = ast.FunctionDef | ast.AsyncFunctionDef


def last_name(node: ast.expr) -> str:
    """The last name in a dotted expression: "insert" of ``self.db.things.insert``; else ""."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


@dataclass
class Scope:
    """What the names of one scope stand for, as far as it was read. It sees the outer scopes.

    - `outer`: the scope around it; None for a module
    - `names_tell`: whether a name such as ``db`` is reason enough for a guess
    - `about_mongodb`: whether the module imports one of MongoDB's libraries
    """

    outer: Scope | None = None
    names_tell: bool = True
    about_mongodb: bool = False
    _guesses: dict[str, Guess] = field(default_factory=dict)
    #: Modules of the standard library: what comes from them has nothing to do with MongoDB.
    _standard: set[str] = field(default_factory=set)
    #: What ``self.x`` and ``cls.x`` are, in a class's methods.
    _attributes: dict[str, Guess] = field(default_factory=dict)
    #: The scopes of the names that ``global`` and ``nonlocal`` take from outside.
    _borrowed: dict[str, Scope] = field(default_factory=dict)

    # Scopes inside this one.

    def inner(self) -> Scope:
        """A scope inside this one."""
        return Scope(self, self.names_tell, self.about_mongodb, _attributes=self._attributes)

    def function_body(self, node: Function | ast.Lambda) -> Scope:
        """The scope of a function: it knows the parameters, and which names are not its own."""
        scope = self.inner()
        scope._declare_parameters(node.args)
        if isinstance(node, Function):
            for each in ast.walk(node):
                if isinstance(each, ast.Global):
                    scope._borrowed |= dict.fromkeys(each.names, self._module())
                elif isinstance(each, ast.Nonlocal):
                    scope._borrowed |= {name: self._owner_of(name) for name in each.names}
        return scope

    def class_body(self, node: ast.ClassDef) -> Scope:
        """The scope of a class: its methods know what any of them assigns to ``self``."""
        scope = Scope(self, self.names_tell, self.about_mongodb)
        for method in _functions(node):
            scope.function_body(method).read_assignments(method)
        return scope

    def read_globals(self, tree: ast.Module) -> None:
        """Take note of what functions assign to the module's names, with ``global``."""
        for function in _functions(tree):
            if any(isinstance(each, ast.Global) for each in ast.walk(function)):
                self.function_body(function).read_assignments(function)

    def _module(self) -> Scope:
        return self if self.outer is None else self.outer._module()

    def _owner_of(self, name: str) -> Scope:
        if name in self._guesses or self.outer is None:
            return self
        return self.outer._owner_of(name)

    # Guessing.

    def guess(self, node: ast.expr) -> Guess:
        """What an expression probably is."""
        match node:
            case ast.Await(value=value) | ast.NamedExpr(value=value) | ast.YieldFrom(value=value):
                return self.guess(value)
            case ast.Yield(value=ast.expr() as value):
                return self.guess(value)
            case ast.Name(id=name):
                return self._look_up(name)
            case ast.Attribute():
                return self._guess_attribute(node)
            case ast.Subscript(value=value):
                return self._guess_item(node, self.guess(value))
            case ast.Call():
                return self._guess_call(node)
            case ast.IfExp(body=body, orelse=orelse):
                return self._guess_one_of([body, orelse])
            case ast.BoolOp(values=values):
                return self._guess_one_of(values)
        if _is_none(node):
            # It stands for a later value.
            return UNKNOWN
        return OTHER if isinstance(node, _LITERALS) else UNKNOWN

    def _guess_one_of(self, nodes: Sequence[ast.expr]) -> Guess:
        known = [each for each in map(self.guess, nodes) if each.kind is not Kind.UNKNOWN]
        sure = [each for each in known if each.sure]
        # The last one of "a or []" tells of the first.
        return sure[-1] if sure else known[0] if known else UNKNOWN

    def is_told_by_name(self, node: ast.expr, kind: Kind) -> bool:
        """Whether the last name in an expression stands for a `kind`."""
        return self._guess_from_name(last_name(node)).kind is kind

    def _guess_from_name(self, name: str) -> Guess:
        is_class = name[:1].isupper() and not name.isupper()
        if is_class or not self.names_tell:
            return UNKNOWN
        *others, last = name.lower().split("_")
        telling = self.about_mongodb or {"motor", "mongo", "mongodb"}.intersection(others)
        if last == "client" and not telling:
            # There are clients of everything.
            return UNKNOWN
        return Guess(SPEAKING.get(last, Kind.UNKNOWN), sure=False)

    def _look_up(self, name: str) -> Guess:
        if name in self._borrowed:
            return self._borrowed[name]._look_up(name)
        if name in self._guesses:
            return self._guesses[name]
        return self._guess_from_name(name) if self.outer is None else self.outer._look_up(name)

    def _is_standard(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute | ast.Call):
            node = node.func if isinstance(node, ast.Call) else node.value
        scope: Scope | None = self
        while scope is not None and isinstance(node, ast.Name):
            if node.id in scope._standard:
                return True
            scope = scope.outer
        return False

    def _guess_attribute(self, node: ast.Attribute) -> Guess:
        if self._is_standard(node):
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
        if owner.kind in BELOW and node.attr not in NO_CHILDREN and not node.attr.startswith("_"):
            return owner.of(BELOW[owner.kind])
        return OTHER if owner.kind is Kind.OTHER else self._guess_from_name(node.attr)

    def _guess_item(self, node: ast.Subscript, owner: Guess) -> Guess:
        if owner.kind in BELOW:
            return owner.of(BELOW[owner.kind])
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            # settings["db"], as applications of Tornado and aiohttp keep it.
            return self._guess_from_name(node.slice.value)
        return UNKNOWN

    def _guess_call(self, node: ast.Call) -> Guess:
        name = last_name(node.func)
        if name in CLASSES:
            return Guess(CLASSES[name])
        if name in CALLERS and node.args:
            return self._guess_call(ast.Call(node.args[0], node.args[1:], node.keywords))
        if name in _CONTAINERS:
            return OTHER
        if isinstance(node.func, ast.Attribute):
            if self._is_standard(node.func):
                return OTHER
            owner = self.guess(node.func.value)
            found = RESULTS.get((owner.kind, name))
            if found is not None:
                return owner.of(found)
        return UNKNOWN

    # Reading statements.

    def read_assignments(self, node: ast.AST) -> None:
        """Take note of all assignments in `node`."""
        for each in ast.walk(node):
            if isinstance(each, ast.Assign):
                for target in each.targets:
                    self.assign(target, each.value)
            elif isinstance(each, ast.AnnAssign):
                self.annotate(each)

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """Take note of ``target = value``."""
        if isinstance(target, ast.Tuple | ast.List):
            values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            for each, part in zip(target.elts, values, strict=False):
                self.assign(each, part)
            return
        if not (_is_none(value) and self._is_known(target)):
            self.declare(target, self.guess(value))

    def annotate(self, node: ast.AnnAssign) -> None:
        """Take note of ``target: annotation = value``, whose value may be missing."""
        guess = self._guess_annotation(node.annotation)
        if guess.kind is Kind.UNKNOWN and node.value is not None:
            self.assign(node.target, node.value)
        else:
            self.declare(node.target, guess)

    def declare(self, target: ast.expr, guess: Guess) -> None:
        """Take note that `target` is what `guess` says, or else what its name says."""
        name = last_name(target)
        if guess.kind is Kind.UNKNOWN:
            guess = self._guess_from_name(name)
        if isinstance(target, ast.Name):
            self._borrowed.get(name, self)._guesses[name] = guess
        elif isinstance(target, ast.Attribute) and last_name(target.value) in ("self", "cls"):
            known = self._attributes.get(name)
            if known is None or not known.sure or known.kind is Kind.OTHER:
                self._attributes[name] = guess

    def _is_known(self, target: ast.expr) -> bool:
        name = last_name(target)
        if isinstance(target, ast.Name):
            return name in self._borrowed.get(name, self)._guesses
        return name in self._attributes

    def _declare_parameters(self, arguments: ast.arguments) -> None:
        """Take note of a function's parameters, by their annotations or else by their names."""
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            guess = self._guess_annotation(argument.annotation)
            if guess.kind is Kind.UNKNOWN:
                guess = self._guess_from_name(argument.arg)
            self._guesses[argument.arg] = guess
        for catch_all in (arguments.vararg, arguments.kwarg):
            if catch_all is not None:
                self._guesses[catch_all.arg] = OTHER

    def _guess_annotation(self, annotation: ast.expr | None) -> Guess:
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                annotation = ast.parse(annotation.value, mode="eval").body
            except SyntaxError:
                return UNKNOWN
        if isinstance(annotation, ast.BinOp):
            # X | None
            return self._guess_annotation(annotation.left)
        if isinstance(annotation, ast.Subscript):
            if last_name(annotation.value) == "Optional":
                return self._guess_annotation(annotation.slice)
            annotation = annotation.value
        name = "" if annotation is None else last_name(annotation)
        if name in CLASSES:
            return Guess(CLASSES[name])
        return OTHER if name in _CONTAINER_TYPES else UNKNOWN

    def import_module(self, module: str, bound_name: str) -> None:
        """Take note of ``import module as bound_name``, or ``from package import module``."""
        if module in MODULES:
            self._guesses[bound_name] = Guess(Kind.MODULE)
        elif module.partition(".")[0] in sys.stdlib_module_names:
            self._standard.add(bound_name)


def _functions(node: ast.AST) -> Iterator[Function]:
    for each in ast.walk(node):
        if isinstance(each, Function):
            yield each
