"""The part of Starlette's ``Response`` that `GridFSResponse` needs, if Starlette is not
installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

__all__ = ["Response"]


class Response:
    """An ASGI response with a status and a header."""

    status_code: int
    raw_headers: list[tuple[bytes, bytes]]
    background: Any

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Begin with these fields."""
        self.raw_headers = []
        for name, value in (headers or {}).items():
            self.headers[name] = value

    @property
    def headers(self) -> MutableMapping[str, str]:
        """The fields by name, in any case; changes go to `raw_headers`."""
        return _Headers(self.raw_headers)


class _Headers(MutableMapping[str, str]):
    """A view of ASGI's list of fields."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> str:
        wanted = _encoded(name)
        for key, value in self._raw:
            if key == wanted:
                return value.decode("latin-1")
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        key = _encoded(name)
        self._raw[:] = [item for item in self._raw if item[0] != key]
        self._raw.append((key, value.encode("latin-1")))

    def __delitem__(self, name: str) -> None:
        self[name]
        key = _encoded(name)
        self._raw[:] = [item for item in self._raw if item[0] != key]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key == _encoded(name) for key, _ in self._raw)

    def __iter__(self) -> Iterator[str]:
        return iter([key.decode("latin-1") for key, _ in self._raw])

    def __len__(self) -> int:
        return len(self._raw)


def _encoded(name: str) -> bytes:
    return name.lower().encode("latin-1")
