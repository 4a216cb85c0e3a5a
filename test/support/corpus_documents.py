"""The documents of the corpus, and the options to decode them with, as hypothesis strategies."""

from __future__ import annotations

import collections
from collections.abc import Iterator, MutableMapping
from decimal import Decimal
from typing import Any

import bson
from bson import (
    SON,
    Binary,
    Code,
    DatetimeMS,
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
    UuidRepresentation,
)
from bson.codec_options import (
    CodecOptions,
    DatetimeConversion,
    TypeCodec,
    TypeDecoder,
    TypeRegistry,
)
from bson.raw_bson import RawBSONDocument
from bson.tz_util import FixedOffset, utc
from hypothesis import strategies as st

from support.canonical import KNOWN_IDS

__all__ = [
    "CannotDecodeError",
    "OwnMapping",
    "codec_options",
    "documents",
    "encode",
    "fill",
    "object_ids",
    "undecodable",
    "values",
]

# Documents ----------------------------------------------------------------------------------

#: A text that `encode` turns into bytes of the same length that are not UTF-8.
NOT_UTF_8 = "*not utf-8*"

_MILLISECONDS_OF_YEAR_ONE = -62_135_596_800_000
_MILLISECONDS_OF_YEAR_9999 = 253_402_300_799_999

object_ids = st.integers(0, 2**32 - 1).map(lambda n: ObjectId(KNOWN_IDS + n.to_bytes(4, "big")))
_keys = st.sampled_from(["a", "b", "ключ", "a b", "x-y", "0", "list", "_n"])
_datetimes = st.integers(_MILLISECONDS_OF_YEAR_ONE, _MILLISECONDS_OF_YEAR_9999).map(DatetimeMS)
_wild_datetimes = st.sampled_from(
    [_MILLISECONDS_OF_YEAR_ONE - 1, _MILLISECONDS_OF_YEAR_9999 + 1, -(2**62), 2**62]
).map(DatetimeMS)
_decimals = st.sampled_from(["0", "1.50", "-1E+6000", "NaN", "Infinity", "9.999E-6143"])
_subtypes = st.sampled_from([0, 1, 5, 7, 128])
_uuids = st.uuids(version=4)

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.builds(Binary, st.binary(max_size=6), _subtypes),
    _uuids.map(lambda value: Binary.from_uuid(value, UuidRepresentation.STANDARD)),
    _uuids.map(lambda value: Binary.from_uuid(value, UuidRepresentation.JAVA_LEGACY)),
    object_ids,
    _datetimes,
    _decimals.map(Decimal128),
    st.sampled_from(
        [
            Regex("^a.*b", "im"),
            Code("function () {}"),
            Code("f(x)", {"x": 1, "y": {"z": "scope"}}),
            Timestamp(2**32 - 1, 7),
            DBRef("test", 3, "other", extra="field"),
            MinKey(),
            MaxKey(),
        ]
    ),
)
_wild_scalars = st.one_of(
    _scalars,
    st.sampled_from([NOT_UTF_8, {"in": {"a": [NOT_UTF_8]}}]),
    _wild_datetimes,
)


def _nested(scalars: Any) -> Any:
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=3)
        ),
        max_leaves=4,
    )


_TAME = st.dictionaries(_keys, _nested(_scalars), max_size=4)
_WILD = st.dictionaries(_keys, _nested(_wild_scalars), max_size=4)
#: Any value that BSON and the server take.
values = _nested(_scalars)


@st.composite
def documents(draw: Any, least: int = 0, most: int = 12, *, wild: bool = False) -> Any:
    """A list of documents, of which number i has the `_id` i, and "n", a small number.

    - `wild`: whether some may have texts that are not UTF-8, and dates that Python does not have
    """
    bodies = draw(st.lists(_WILD if wild else _TAME, min_size=least, max_size=most))
    small = st.integers(0, 3)
    return [{"_id": i, "n": draw(small), **body} for i, body in enumerate(bodies)]


def encode(document: Any) -> RawBSONDocument:
    """The document as it goes to the server, with invalid texts where it says so."""
    encoded = bson.encode(document)
    return RawBSONDocument(encoded.replace(NOT_UTF_8.encode(), b"\xff\xfe" * 5 + b"\xff"))


def fill(collection: Any, found: list[Any]) -> None:
    """Let the documents be what PyMongo's `collection` holds."""
    collection.delete_many({})
    if found:
        collection.insert_many([encode(document) for document in found])


# Options ------------------------------------------------------------------------------------


class OwnMapping(MutableMapping[str, Any]):
    """A document class of the application's, which is no dict."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._fields = dict(*args, **kwargs)

    def __getitem__(self, key: str) -> Any:
        return self._fields[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._fields[key] = value

    def __delitem__(self, key: str) -> None:
        del self._fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"OwnMapping({self._fields})"


class CannotDecodeError(Exception):
    """What an application's decoder raises."""


class _DecimalCodec(TypeCodec):
    python_type = Decimal
    bson_type = Decimal128

    def transform_python(self, value: Any) -> Any:
        return Decimal128(value)

    def transform_bson(self, value: Any) -> Any:
        return value.to_decimal()


class _UpperCase(TypeDecoder):
    bson_type = str

    def transform_bson(self, value: str) -> Any:
        return ("text", value.upper())


class _Picky(TypeDecoder):
    """Raises for one number only, so that one document in a batch cannot be decoded."""

    bson_type = Int64

    def transform_bson(self, value: Int64) -> Any:
        if value == 13:
            raise CannotDecodeError("13 is not to be decoded")
        return value


def _fallback_encoder(value: Any) -> Any:
    if isinstance(value, set):
        return sorted(value)
    raise TypeError(f"no encoding for {value!r}")


_registries = st.sampled_from(
    [
        None,
        TypeRegistry([_DecimalCodec()]),
        TypeRegistry([_UpperCase(), _DecimalCodec()]),
        TypeRegistry([_Picky()]),
        TypeRegistry([_DecimalCodec()], fallback_encoder=_fallback_encoder),
    ]
)


_UUID_REPRESENTATIONS = [
    UuidRepresentation.UNSPECIFIED,
    UuidRepresentation.STANDARD,
    UuidRepresentation.PYTHON_LEGACY,
    UuidRepresentation.JAVA_LEGACY,
    UuidRepresentation.CSHARP_LEGACY,
]


@st.composite
def codec_options(draw: Any) -> Any:
    """Any way to decode documents; None for the driver's own."""
    if draw(st.booleans()):
        return None
    aware = draw(st.booleans())
    classes = [dict, SON, collections.OrderedDict, RawBSONDocument, OwnMapping]
    return CodecOptions(
        document_class=draw(st.sampled_from(classes)),
        tz_aware=aware,
        tzinfo=draw(st.sampled_from([None, utc, FixedOffset(90, "east")])) if aware else None,
        uuid_representation=draw(st.sampled_from(_UUID_REPRESENTATIONS)),
        unicode_decode_error_handler=draw(
            st.sampled_from(["strict", "replace", "ignore", "backslashreplace", "surrogateescape"])
        ),
        datetime_conversion=draw(st.sampled_from(list(DatetimeConversion))),
        type_registry=draw(_registries),
    )


#: Ways for one document not to be decodable: what it has in it, and the options that refuse it.
undecodable = st.sampled_from(
    [
        (NOT_UTF_8, CodecOptions()),
        (NOT_UTF_8, CodecOptions(document_class=SON, tz_aware=True)),
        (DatetimeMS(2**62), CodecOptions()),
        (Int64(13), CodecOptions(type_registry=TypeRegistry([_Picky()]))),
        (Int64(13), CodecOptions(document_class=SON, type_registry=TypeRegistry([_Picky()]))),
    ]
)
