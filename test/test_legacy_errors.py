"""Where Motor's error has another class than in Motor 3.7.1, it is also an instance of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import InvalidOperation

from motor.legacy import deprecation, registry
from support import Framework


@pytest.mark.filterwarnings("ignore:The argument 'callback':DeprecationWarning")
async def test_callback_on_asyncio_is_a_type_error(framework: Framework, collection: Any) -> None:
    if framework.name != "asyncio":
        pytest.skip("on Tornado callbacks are taken")

    def callback(*outcome: object) -> None:
        """Never called."""

    cursor = collection.find({})
    calls: list[Callable[[], Any]] = [
        lambda: cursor.to_list(length=1, callback=callback),
        lambda: cursor.to_list(1, callback),
        lambda: cursor.close(callback),
        lambda: collection.find_one({}, callback=callback),
        lambda: collection.insert_one({}, callback=callback),
        lambda: collection.database.command("ping", callback=callback),
    ]
    for call in calls:
        for kind in (TypeError, NotImplementedError):
            with pytest.raises(kind, match="prohibits callbacks"):
                await call()


@pytest.mark.filterwarnings("ignore:The argument 'callback':DeprecationWarning")
async def test_callback_of_what_returns_a_cursor_is_a_type_error(collection: Any) -> None:
    for call in (
        lambda: collection.find({}, callback=print),
        lambda: collection.aggregate([], callback=print),
        lambda: collection.list_indexes(callback=print),
    ):
        with pytest.raises(TypeError):
            call()


async def test_what_cannot_be_indexed_is_a_type_error(
    framework: Framework, collection: Any
) -> None:
    cursors = [
        collection.aggregate([]),
        collection.aggregate_raw_batches([]),
        collection.find_raw_batches({}),
        collection.list_indexes(),
    ]
    for cursor in cursors:
        for kind in (TypeError, InvalidOperation):
            with pytest.raises(kind, match=r"Cannot call __getitem__ on .*: use 'async for'"):
                cursor[0]
    with pytest.raises(TypeError, match="indices must be slices"):
        collection.find({})[0]


@pytest.mark.filterwarnings("ignore:database.authenticate:DeprecationWarning")
async def test_what_is_gone_from_a_database_is_a_type_error(db: Any) -> None:
    for kind in (TypeError, InvalidOperation):
        with pytest.raises(kind, match=r"database\.eval\(\) is gone"):
            await db.eval("1")
        with pytest.raises(kind, match=r"works with motor\.legacy's clients only"):
            await db.authenticate("user", "password")


#: What Motor 3.7.1 raised where a name of each kind was used.
MOTOR_3 = {
    "attribute": AttributeError,
    "keyword": TypeError,
    "method": TypeError,
    "module": ImportError,
    "setting": AttributeError,
    "use": TypeError,
}

#: An option of a client is refused with a ConfigurationError, as it was.
REFUSED = [
    entry for entry in registry.entries() if entry.reason is not None and entry.kind != "option"
]


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: entry.anchor)
def test_refused_names_raise_what_motor_3_raises(entry: registry.Entry) -> None:
    with pytest.raises(InvalidOperation) as caught:
        deprecation.check(entry)
    assert isinstance(caught.value, MOTOR_3[entry.kind])
    assert str(caught.value) == entry.message
