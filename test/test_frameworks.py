"""The functions of `motor.frameworks`, which packages with classes of their own call."""

from __future__ import annotations

import asyncio
import importlib
from types import ModuleType
from typing import Any

import pytest

from support import Framework


@pytest.fixture
def framework_module(framework: Framework) -> ModuleType:
    """`motor.frameworks.asyncio`, or its counterpart for Tornado."""
    return importlib.import_module(f"motor.frameworks.{framework.name}")


def test_loops_of_the_other_framework_are_refused(
    framework: Framework, framework_module: ModuleType
) -> None:
    (other,) = (Framework(name) for name in Framework.names if name != framework.name)
    loop = other.new_loop()
    try:
        assert not framework_module.is_event_loop(loop)
        with pytest.raises(TypeError, match="io_loop must be instance of"):
            framework_module.check_event_loop(loop)
    finally:
        loop.close()


async def test_framework_runs_a_function_on_a_worker(
    framework: Framework, framework_module: ModuleType
) -> None:
    loop = framework.current_loop()
    assert framework_module.is_event_loop(loop)
    framework_module.check_event_loop(loop)
    future = framework_module.run_on_executor(loop, int, "ff", base=16)
    assert framework_module.is_future(future)
    assert await future == 255


async def test_framework_chains_futures(framework: Framework, framework_module: ModuleType) -> None:
    loop = framework.current_loop()
    first, second = framework_module.get_future(loop), framework_module.get_future(loop)
    framework_module.chain_future(first, second)
    third = framework_module.chain_return_value(second, loop, "third")
    called: list[Any] = []
    framework_module.add_future(loop, third, lambda *args: called.append(args), "argument")
    first.set_result("first")
    assert await second == "first"
    assert await third == "third"
    await asyncio.sleep(0)
    assert called == [("argument", third)]


async def test_framework_chains_errors(framework: Framework, framework_module: ModuleType) -> None:
    loop = framework.current_loop()
    first, second = framework_module.get_future(loop), framework_module.get_future(loop)
    framework_module.chain_future(first, second)
    third = framework_module.chain_return_value(first, loop, "never")
    first.set_exception(LookupError("first"))
    for future in (second, third):
        with pytest.raises(LookupError, match="first"):
            await future


async def test_framework_calls_soon(framework: Framework, framework_module: ModuleType) -> None:
    called = asyncio.Event()
    results: list[Any] = []

    def callback(number: int, *, word: str = "") -> None:
        results.append((number, word))
        called.set()

    framework_module.call_soon(framework.current_loop(), callback, 1, word="one")
    assert results == []
    await called.wait()
    assert results == [(1, "one")]


async def test_framework_wraps_results_of_a_class(framework_module: ModuleType) -> None:
    class Owner:
        def wrap(self, value: int) -> str:
            return f"wrapped {value}"

    async def number(self: Owner) -> Any:
        """Give a number."""
        return 5

    wrapped = framework_module.pymongo_class_wrapper(number, int)
    assert await wrapped(Owner()) == "wrapped 5"
    assert (wrapped.__name__, wrapped.__doc__) == ("number", "Give a number.")
    assert await framework_module.pymongo_class_wrapper(number, str)(Owner()) == 5


async def test_yieldable_is_deprecated(framework: Framework, framework_module: ModuleType) -> None:
    future = framework_module.get_future(framework.current_loop())
    with pytest.warns(DeprecationWarning, match="yieldable function is deprecated"):
        framework_module.yieldable(future)
    future.cancel()


def test_generator_based_coroutines_are_tornados_only() -> None:
    from motor.frameworks import asyncio as asyncio_framework
    from motor.frameworks import tornado as tornado_framework

    with pytest.raises(RuntimeError, match="declare it with 'async def'"):
        asyncio_framework.coroutine(lambda: None)()

    @tornado_framework.coroutine
    def ten() -> Any:
        yield asyncio.sleep(0)
        return 10

    assert Framework("tornado").run(ten) == 10
