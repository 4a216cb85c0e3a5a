"""Values as they came out of the database in the PyMongo 2 era."""

from __future__ import annotations

from typing import Any

from bson.binary import UuidRepresentation
from bson.codec_options import TypeDecoder
from bson.regex import Regex

__all__ = ["PythonPatterns", "uuid_representation"]


class PythonPatterns(TypeDecoder):
    """Regular expressions come as Python's: ``compile_re=True``."""

    bson_type = Regex

    def transform_bson(self, value: Any) -> Any:
        """The compiled pattern. Raises ``re.error`` for one that Python cannot compile."""
        return value.try_compile()


_UUID_SUBTYPES = {
    3: UuidRepresentation.PYTHON_LEGACY,
    4: UuidRepresentation.STANDARD,
    5: UuidRepresentation.JAVA_LEGACY,
    6: UuidRepresentation.CSHARP_LEGACY,
}


def uuid_representation(subtype: Any) -> int:
    """Today's name for what was `uuid_subtype`. Raises ValueError for what was none."""
    if subtype not in _UUID_SUBTYPES:
        raise ValueError(f"uuid_subtype must be one of {list(_UUID_SUBTYPES)}, not {subtype!r}")
    return _UUID_SUBTYPES[subtype]
