"""The guide for old code, ``doc/migrate-from-motor-0``: a page for each object."""

from __future__ import annotations

__all__ = ["INDEX", "link"]

_FOLDER = "doc/migrate-from-motor-0"

#: The page with the steps.
INDEX = f"{_FOLDER}/index.rst"

#: Which page has the places that begin with these words. The longest match decides.
_PAGES = {
    "client": "client",
    "replica-set-client": "client",
    "motor": "client",
    "motor-op": "callbacks",
    "motor-waitop": "callbacks",
    "motor-waitallops": "callbacks",
    "motor-motorbulkoperationbuilder": "collection",
    "motor-motorgridfs": "gridfs",
    "database": "database",
    "collection": "collection",
    "collection-find": "find",
    "collection-find-and-modify": "collection",
    "cursor": "cursor",
    "command-cursor": "cursor",
    "gridfs": "gridfs",
    "grid-in": "gridfs",
    "grid-out": "gridfs",
    "grid-fs-handler": "gridfs",
}

_CALLBACK = "-callback"


def link(anchor: str) -> str:
    """The page that has a place, and the place: "doc/…/collection.rst#collection-insert"."""
    if anchor.endswith(_CALLBACK):
        return f"{_FOLDER}/callbacks.rst#{anchor}"
    fitting = [each for each in _PAGES if f"{anchor}-".startswith(f"{each}-")]
    return f"{_FOLDER}/{_PAGES[max(fitting, key=len)]}.rst#{anchor}"
