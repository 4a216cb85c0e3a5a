"""Walk through the syntax tree of a module, and report its old calls.

A name as common as ``update`` or ``remove`` is reported only where the object is known to belong to
MongoDB, where its name says so, or where the arguments fit nothing else.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from typing import Any

from motor.legacy.scan import vocabulary
from motor.legacy.scan.findings import Finding
from motor.legacy.scan.kinds import BELOW, CLIENT_CLASSES, UNKNOWN, Guess, Kind
from motor.legacy.scan.receivers import CALLERS, Function, Scope, last_name
from motor.legacy.scan.shapes import fits, is_unmistakable
from motor.legacy.scan.vocabulary import Advice

__all__ = ["Walker"]


class Walker(ast.NodeVisitor):
    """Walks through a module: first what runs when it is imported, then its functions."""

    def __init__(self, path: str, scope: Scope, *, imports_motor: bool) -> None:
        self.path = path
        self.findings: list[Finding] = []
        self.scope: Scope = scope
        self.imports_motor = imports_motor
        #: The names of functions that call their first argument, with those of the module's own.
        self._callers = set(CALLERS)
        #: Calls, and the values of calls, whose value is awaited or yielded.
        self._awaited: set[ast.AST] = set()
        #: Functions whose bodies are still to be read, with the scopes around them.
        self._functions: deque[tuple[Function, Scope]] = deque()
        #: What is reported if the module has to do with MongoDB.
        self._tentative: list[Finding] = []

    def walk(self, tree: ast.Module) -> None:
        """Fill `findings`."""
        module = self.scope
        module.read_globals(tree)
        self.visit(tree)
        # A function sees what the module and other functions assign later in the text.
        module.read_globals(tree)
        while self._functions:
            node, self.scope = self._functions.popleft()
            for statement in node.body:
                self.visit(statement)
        if module.about_mongodb or self.findings:
            self.findings += self._tentative

    def report(
        self,
        node: ast.expr | ast.stmt | ast.alias,
        what: str,
        advice: Advice,
        *,
        tentative: bool = False,
    ) -> None:
        # A chain of calls begins some lines above the name.
        line, column = node.lineno, node.col_offset + 1
        if isinstance(node, ast.Attribute) and node.end_lineno and node.end_col_offset:
            line, column = node.end_lineno, node.end_col_offset - len(node.attr) + 1
        found = Finding(self.path, line, column, what, advice.replacement, advice.link)
        (self._tentative if tentative else self.findings).append(found)

    # Scopes and names.

    def visit_FunctionDef(self, node: Function) -> None:
        defaults = (*node.args.defaults, *filter(None, node.args.kw_defaults))
        for each in (*node.decorator_list, *defaults):
            self.visit(each)
        self._functions.append((node, self.scope.function_body(node)))

    visit_AsyncFunctionDef: Any = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        outer, self.scope = self.scope, self.scope.function_body(node)
        self.visit(node.body)
        self.scope = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        outer, self.scope = self.scope, self.scope.class_body(node)
        self.generic_visit(node)
        self.scope = outer

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._visit_target(target)
            self.scope.assign(target, node.value)
            if last_name(node.value) in self._callers and isinstance(target, ast.Name):
                self._callers.add(target.id)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._visit_target(node.target)
        self.scope.annotate(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self._visit_target(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.scope.assign(node.target, node.value)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        for name in ast.walk(node.target):
            if isinstance(name, ast.Name):
                self.scope.declare(name, UNKNOWN)
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    visit_AsyncFor: Any = visit_For

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self.scope.assign(node.optional_vars, node.context_expr)

    # Imports.

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            module = alias.name if alias.asname else root
            self.scope.import_module(module, alias.asname or root)
            self._check_import(node, alias.name, None)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or node.module is None:
            return
        for alias in node.names:
            self.scope.import_module(f"{node.module}.{alias.name}", alias.asname or alias.name)
            self._check_import(alias, node.module, alias.name)
            if alias.name in CALLERS and alias.asname:
                self._callers.add(alias.asname)

    def _check_import(self, node: ast.stmt | ast.alias, module: str, name: str | None) -> None:
        advice = vocabulary.gone_import(module, name)
        if advice is not None:
            what = f"import {module}" if name is None else f"from {module} import {name}"
            self.report(node, what, advice)

    # Calls.

    def visit_Await(self, node: ast.Await | ast.Yield | ast.YieldFrom) -> None:
        if node.value is not None:
            self._awaited.add(node.value)
        self.generic_visit(node)

    visit_Yield: Any = visit_Await
    visit_YieldFrom: Any = visit_Await

    def visit_Call(self, node: ast.Call) -> None:
        self._check_call(node)
        if last_name(node.func) in self._callers and node.args:
            passed_on = ast.Call(node.args[0], node.args[1:], node.keywords)
            self._awaited.add(passed_on)
            self._check_call(ast.copy_location(passed_on, node))
        if isinstance(node.func, ast.Attribute):
            # The method's name itself is dealt with; what it is called on is still to be read.
            self.visit(node.func.value)
        else:
            self.visit(node.func)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.visit(argument)

    def _check_call(self, node: ast.Call) -> None:
        name = last_name(node.func)
        if name in CLIENT_CLASSES:
            self._check_client(node, name)
        if not isinstance(node.func, ast.Attribute):
            if name == "bool" and node.args:
                self._check_truth(node.args[0])
            return
        if name == "get" and node.args and isinstance(node.args[0], ast.Constant):
            self._check_item(node, node.func.value, node.args[0].value)
        owner = self.scope.guess(node.func.value)
        if owner.kind is Kind.OTHER:
            return
        if owner.kind is Kind.MODULE:
            self._check_module_attribute(node.func)
            return
        advice = self._advice_for_method(node, name, owner)
        if advice is not None:
            self.report(node.func, advice.what, advice)
        else:
            for found in vocabulary.old_arguments(node, name, owner):
                self.report(node.func, found.what, found)

    def _advice_for_method(self, node: ast.Call, name: str, owner: Guess) -> Advice | None:
        for kind in vocabulary.kinds_with(name):
            if owner.kind is Kind.UNKNOWN:
                fitting = vocabulary.is_distinctive(name) or is_unmistakable(node, name, kind)
            else:
                fitting = owner.kind is kind and (
                    owner.sure
                    or vocabulary.is_distinctive(name)
                    or fits(node, kind, telling=self._is_telling(node))
                )
            if fitting:
                return vocabulary.member(kind, name)
        return None

    def _is_telling(self, node: ast.Call) -> bool:
        """Whether more than the object's name says that a call is one of Motor's."""
        if node in self._awaited or self.imports_motor:
            return True
        assert isinstance(node.func, ast.Attribute)
        receiver = node.func.value
        # db.things, but neither db nor self.collection
        return (
            isinstance(receiver, ast.Attribute | ast.Subscript)
            and self.scope.guess(receiver.value).kind in BELOW
        )

    def _check_client(self, node: ast.Call, name: str) -> None:
        for found in vocabulary.old_client_arguments(node, name):
            self.report(node, found.what, found)

    # Truth.

    def visit_If(self, node: ast.If | ast.While | ast.IfExp | ast.Assert) -> None:
        self._check_truth(node.test)
        self.generic_visit(node)

    visit_While: Any = visit_If
    visit_IfExp: Any = visit_If
    visit_Assert: Any = visit_If

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for each in node.ifs:
            self._check_truth(each)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._check_truth(node.operand)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        # The last one is tested where the whole is.
        for each in node.values[:-1]:
            self._check_truth(each)
        self.generic_visit(node)

    def _check_truth(self, node: ast.expr) -> None:
        if isinstance(node, ast.BoolOp):
            self._check_truth(node.values[-1])
            return
        owner = self.scope.guess(node)
        advice = vocabulary.truth(owner)
        # An attribute of an object that is only guessed may be anything: client.is_primary.
        if advice and (owner.sure or self.scope.is_told_by_name(node, owner.kind)):
            self.report(node, advice.what, advice, tentative=not owner.sure)

    # Attributes and items.

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Constant):
            self._check_item(node, node.value, node.slice.value)
        self.generic_visit(node)

    def _check_item(self, node: ast.expr, owner: ast.expr, name: object) -> None:
        advice = vocabulary.item(self.scope.guess(owner), name)
        if advice is not None:
            self.report(node, advice.what, advice)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = self.scope.guess(node.value)
        if owner.kind is Kind.MODULE:
            self._check_module_attribute(node)
        else:
            advice = vocabulary.property_of(owner, node.attr)
            if advice is not None:
                self.report(node, advice.what, advice)
        self.generic_visit(node)

    def _check_module_attribute(self, node: ast.Attribute) -> None:
        advice = vocabulary.gone_attribute(node.attr)
        if advice is not None:
            self.report(node, advice.what, advice)

    def _visit_target(self, target: ast.expr) -> None:
        for each in _targets(target):
            # db.write_concern["w"] = 2 changed the write concern, too.
            inner = each.value if isinstance(each, ast.Subscript) else each
            if isinstance(inner, ast.Attribute):
                advice = vocabulary.assignment(self.scope.guess(inner.value), inner.attr)
                if advice is not None:
                    self.report(inner, advice.what, advice)
                    continue
            if not isinstance(each, ast.Name):
                self.generic_visit(each)


def _targets(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _targets(each)
    elif isinstance(target, ast.Starred):
        yield from _targets(target.value)
    else:
        yield target
