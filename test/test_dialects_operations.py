"""An operation is a future that has started, as in Motor 3, and also a coroutine, as in PyMongo's
async API: each function of asyncio that takes either takes it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from support import PATIENCE, Framework, wait_until


@pytest.fixture
def three(sync_db: Any, collection: Any) -> Any:
    """A collection of three documents."""
    sync_db.test.insert_many([{"_id": n} for n in range(3)])
    return collection


def duplicate(collection: Any) -> Any:
    """An operation that fails."""
    return collection.insert_one({"_id": 0})


# As a future, the way of Motor 3 ------------------------------------------------------------


async def test_an_operation_is_a_future(framework: Framework, three: Any) -> None:
    operation = three.find_one({"_id": 1})
    assert isinstance(operation, asyncio.Future)
    assert operation.get_loop() is asyncio.get_running_loop()
    # What asks takes it for a coroutine function, as it is awaited.
    assert inspect.iscoroutinefunction(three.find_one)
    assert await operation == {"_id": 1}
    assert operation.done()
    assert operation.result() == await operation


async def test_an_operation_that_is_not_awaited_is_executed(three: Any, sync_db: Any) -> None:
    operation = three.insert_one({"_id": "not awaited"})
    # This wait blocks the loop: the operation needs nothing of it to get to the server.
    wait_until(lambda: sync_db.test.count_documents({"_id": "not awaited"}))
    assert (await operation).inserted_id == "not awaited"


async def test_callbacks_can_be_added(framework: Framework, three: Any) -> None:
    called: asyncio.Queue[Any] = asyncio.Queue()
    operation = three.find_one({"_id": 1})
    operation.add_done_callback(called.put_nowait)
    assert (await called.get()) is operation
    assert operation.result() == {"_id": 1}
    failing = duplicate(three)
    failing.add_done_callback(called.put_nowait)
    assert isinstance((await called.get()).exception(), DuplicateKeyError)


async def test_an_operation_can_be_cancelled(framework: Framework, three: Any, hold: Any) -> None:
    with hold("find"):
        operation = three.find_one()
        assert operation.cancel()
        assert operation.cancelled()
        with pytest.raises(asyncio.CancelledError):
            await operation


async def test_ensure_future_leaves_an_operation_as_it_is(framework: Framework, three: Any) -> None:
    operation = three.find_one({"_id": 1})
    assert asyncio.ensure_future(operation) is operation
    assert await operation == {"_id": 1}


# As a coroutine, the way of PyMongo's async API ---------------------------------------------


async def test_create_task_takes_an_operation(framework: Framework, three: Any) -> None:
    task = asyncio.create_task(three.find_one({"_id": 1}), name="find")
    assert task.get_name() == "find"
    assert await task == {"_id": 1}
    with pytest.raises(DuplicateKeyError):
        await asyncio.create_task(duplicate(three))


async def test_create_task_takes_an_operation_that_has_ended(
    framework: Framework, three: Any
) -> None:
    operation = three.find_one({"_id": 1})
    await operation
    assert await asyncio.create_task(operation) == {"_id": 1}


async def test_cancelling_the_task_cancels_the_operation(
    framework: Framework, three: Any, hold: Any
) -> None:
    with hold("find"):
        operation = three.find_one()
        task = asyncio.create_task(operation)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert operation.cancelled()


async def test_a_task_group_takes_operations(framework: Framework, three: Any) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(three.find_one({"_id": n})) for n in range(3)]
    assert [task.result() for task in tasks] == [{"_id": n} for n in range(3)]


async def test_a_task_group_ends_with_the_error_of_an_operation(
    framework: Framework, three: Any
) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(duplicate(three))
    assert [type(error) for error in caught.value.exceptions] == [DuplicateKeyError]


async def test_an_operation_may_be_a_task_and_awaited_beside_it(
    framework: Framework, three: Any
) -> None:
    operation = three.find_one({"_id": 1})
    task = asyncio.create_task(operation)
    assert await operation == await task == {"_id": 1}


# Either way ---------------------------------------------------------------------------------


async def first_of_wait(operation: Any) -> Any:
    done, pending = await asyncio.wait([operation])
    assert not pending
    return await done.pop()


async def first_completed(operation: Any) -> Any:
    (first,) = asyncio.as_completed([operation])
    return await first


async def gathered(operation: Any) -> Any:
    return (await asyncio.gather(operation))[0]


async def in_time(operation: Any) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await operation


WAYS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "gather": gathered,
    "wait_for": lambda operation: asyncio.wait_for(operation, PATIENCE),
    "shield": asyncio.shield,
    "wait": first_of_wait,
    "as_completed": first_completed,
    "timeout": in_time,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_asyncio_takes_operations(
    framework: Framework, three: Any, way: Callable[[Any], Awaitable[Any]]
) -> None:
    assert await way(three.find_one({"_id": 1})) == {"_id": 1}
    with pytest.raises(DuplicateKeyError):
        await way(duplicate(three))


async def test_gather_can_return_errors(framework: Framework, three: Any) -> None:
    found, error, again = await asyncio.gather(
        three.find_one({"_id": 1}),
        duplicate(three),
        three.find_one({"_id": 2}),
        return_exceptions=True,
    )
    assert (found, again) == ({"_id": 1}, {"_id": 2})
    assert isinstance(error, DuplicateKeyError)


async def test_gather_takes_an_operation_twice(framework: Framework, three: Any) -> None:
    operation = three.find_one({"_id": 1})
    assert await asyncio.gather(operation, operation) == [{"_id": 1}] * 2


async def test_wait_for_cancels_what_takes_too_long(
    framework: Framework, three: Any, hold: Any
) -> None:
    with hold("find"):
        operation = three.find_one()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(operation, 0.001)
    assert operation.cancelled()


async def test_a_shielded_operation_is_not_cancelled(framework: Framework, three: Any) -> None:
    operation = three.insert_one({"_id": "shielded"})
    outer = asyncio.shield(operation)
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert (await operation).inserted_id == "shielded"


async def test_operations_are_members_of_sets_and_keys_of_dictionaries(
    framework: Framework, three: Any
) -> None:
    operations = [three.find_one({"_id": n}) for n in range(3)]
    numbers = {operation: n for n, operation in enumerate(operations)}
    pending = set(operations)
    assert len(pending) == 3
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for operation in done:
            assert operation in numbers
            assert operation.result() == {"_id": numbers.pop(operation)}
    assert numbers == {}


async def test_in_a_set_an_operation_keeps_its_hash_equality_and_class_name(
    framework: Framework, three: Any
) -> None:
    operation, other = three.find_one(), three.find_one()
    assert operation == operation != other
    name, first = type(operation).__name__, hash(operation)
    assert hash(operation) == first
    assert type(operation).__name__ == name
    assert operation == operation != other
    await operation
    await other


# From other threads -------------------------------------------------------------------------


async def elsewhere(function: Callable[..., Any], *args: Any) -> Any:
    """Call `function` in a thread without a loop, while this loop runs."""
    with ThreadPoolExecutor(1, thread_name_prefix="motor-test") as executor:
        return await asyncio.get_running_loop().run_in_executor(executor, function, *args)


async def test_a_thread_hands_an_operation_to_the_loop(
    framework: Framework, client_factory: Any, db_name: str, three: Any
) -> None:
    collection = client_factory(io_loop=framework.current_loop())[db_name]["test"]
    loop = asyncio.get_running_loop()

    def find(number: int) -> Any:
        operation = collection.find_one({"_id": number})
        return asyncio.run_coroutine_threadsafe(operation, loop).result(PATIENCE)

    assert [await elsewhere(find, n) for n in range(3)] == [{"_id": n} for n in range(3)]

    def fail() -> Any:
        return asyncio.run_coroutine_threadsafe(duplicate(collection), loop).result(PATIENCE)

    with pytest.raises(DuplicateKeyError):
        await elsewhere(fail)


async def test_a_thread_hands_a_coroutine_of_operations_to_the_loop(
    framework: Framework, three: Any
) -> None:
    loop = asyncio.get_running_loop()

    async def find() -> Any:
        return await three.find_one({"_id": 1})

    def wait() -> Any:
        return asyncio.run_coroutine_threadsafe(find(), loop).result(PATIENCE)

    assert await elsewhere(wait) == {"_id": 1}
