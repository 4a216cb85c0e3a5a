"""The API reference, made from Motor's classes when the documentation is built.

- ``.. motor-class:: motor.motor_asyncio.AsyncIOMotorCollection`` describes a class of a front
- names of PyMongo, Tornado and Python, as in :func:`pymongo.timeout`, link to their documentation
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from motor_links import address_of
from motor_members import Group, Member, arguments, members
from sphinx.util.docutils import SphinxDirective

from motor.metaprogramming import public_name


class MotorClass(SphinxDirective):
    """Describes a class of ``motor.motor_asyncio``, and names the one for Tornado."""

    required_arguments = 1
    has_content = False

    def run(self) -> list[nodes.Node]:
        """The class, its members in groups, each with its PyMongo counterpart."""
        module, _, name = self.arguments[0].rpartition(".")
        try:
            cls = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise self.error(f"no such class: {error}") from error
        self.env.note_dependency(inspect.getsourcefile(cls.__mro__[1]) or module)
        return self.parse_text_to_nodes("\n".join(class_lines(cls)))


def class_lines(cls: Any) -> Iterator[str]:
    """The description of a class in reStructuredText."""
    yield f".. py:class:: {cls.__name__}{arguments(cls)}"
    yield f"   :module: {cls.__module__}"
    yield ""
    delegate = public_name(cls.__delegate_class__)
    tornado = cls.__name__.removeprefix("AsyncIO")
    body = [
        *(inspect.getdoc(cls) or "").splitlines(),
        "",
        f"For Tornado: ``motor.motor_tornado.{tornado}``. In PyMongo: :class:`{delegate}`.",
        "",
    ]
    found = list(members(cls))
    for group in Group:
        if own := [member for member in found if member.group is group]:
            body += [f".. rubric:: {group.title}", "", group.sentence, ""]
            for member in own:
                body += member_lines(member)
    yield from (f"   {line}" if line else "" for line in body)
    yield ""


def member_lines(member: Member) -> Iterator[str]:
    """The description of a member in reStructuredText."""
    kind = "property" if member.is_property else "method"
    yield f".. py:{kind}:: {member.name}{member.arguments}"
    yield ""
    doc = member.doc.splitlines()
    if member.pymongo is None:
        doc += ["", "PyMongo's synchronous class has no such member."]
    elif not names_counterpart(member):
        role = "attr" if member.is_property else "meth"
        doc += ["", f"In PyMongo: :{role}:`{member.pymongo}`."]
    yield from (f"   {line}" if line else "" for line in doc)
    yield ""


def names_counterpart(member: Member) -> bool:
    """Whether the description links to the member of PyMongo already, perhaps to a base class's."""
    if member.pymongo is None or member.group is Group.OWN:
        return member.pymongo is not None and member.pymongo in member.doc
    return f".{member.pymongo.rpartition('.')[2]}`" in member.doc


def link(app: Any, env: Any, node: Any, content: nodes.Element) -> nodes.reference | None:
    """Resolve a reference to what is documented elsewhere; None: an unknown name."""
    target = node.get("reftarget", "")
    address = address_of(target) if node.get("refdomain") == "py" else None
    if address is None:
        return None
    return nodes.reference("", "", content, internal=False, refuri=address)


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("motor-class", MotorClass)
    app.connect("missing-reference", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
