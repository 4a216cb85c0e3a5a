"""The clients of `motor.legacy` on mongomock's."""

from __future__ import annotations

from typing import Any

import mongomock
import pytest

from motor import legacy
from support import Framework


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_clients_of_motor_legacy_on_mongomock(framework: Framework) -> None:
    old: Any = getattr(legacy, framework.Client.__name__)
    client = old.from_delegate(mongomock.MongoClient())
    orders = client.shop.orders
    assert isinstance(orders.delegate, mongomock.Collection)
    assert await orders.insert([{"_id": n, "odd": n % 2} for n in range(3)]) == [0, 1, 2]
    assert await orders.count() == 3
    assert await orders.find({"odd": 0}).count() == 2
    assert await orders.find({"odd": 0}).limit(1).count(with_limit_and_skip=True) == 1
    assert await orders.find_one(1) == {"_id": 1, "odd": 1}
    # What is asked of a client's options are PyMongo's defaults.
    for owner in (client, client.shop, orders):
        assert owner.secondary_acceptable_latency_ms == 15
        assert owner.write_concern == {}
    assert (client.max_pool_size, client.local_threshold_ms) == (100, 15)
    assert client.max_bson_size == 16 * 1024 * 1024
    await client.close()
