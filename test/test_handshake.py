"""The handshake tells the server and its log who connects: Motor, and packages on top of it."""

from __future__ import annotations

from typing import Any

import pymongo
import pytest
from pymongo.driver_info import DriverInfo

import motor
from support import Framework, async_wait_until


async def metadata_at_server(client: Any) -> dict[str, Any]:
    """What the handshake told the server of `client`."""
    current = client.admin.aggregate([{"$currentOp": {"localOps": True}}])
    mine = [op async for op in current if op.get("command", {}).get("aggregate")]
    return mine[0]["clientMetadata"]


async def test_handshake_names_motor_its_version_and_framework(
    client: Any, framework: Framework
) -> None:
    metadata = await metadata_at_server(client)
    assert "Motor" in metadata["driver"]["name"].split("|")
    assert motor.version in metadata["driver"]["version"].split("|")
    assert framework.Client._framework.platform_info() in metadata["platform"]
    assert framework.name in metadata["platform"].lower()


async def test_handshake_names_the_users_driver_too(client_factory: Any) -> None:
    client = client_factory(driver=DriverInfo("Umotor", "1.2.3", "Plan 9"))
    metadata = await metadata_at_server(client)
    assert {"Motor", "Umotor"} <= set(metadata["driver"]["name"].split("|"))
    assert {motor.version, "1.2.3"} <= set(metadata["driver"]["version"].split("|"))
    assert "Plan 9" in metadata["platform"]


@pytest.mark.parametrize("users", [None, "1.2.3"], ids=["no version", "version"])
async def test_all_connections_of_a_client_name_both_drivers(
    client_factory: Any, db_name: str, users: str | None
) -> None:
    """Those of the monitors as well, of which PyMongo names only the `driver` that it was given."""
    client = client_factory(
        appname=db_name, driver=DriverInfo("Umotor", users), serverMonitoringMode="stream"
    )
    everything: Any = [{"$currentOp": {"allUsers": True, "idleConnections": True}}]
    metadata: list[dict[str, Any]] = []

    async def all_connected() -> bool:
        """One connection waits for news, one measures the round trip, one has asked this."""
        current = await client.admin.aggregate(everything).to_list()
        metadata[:] = [op["clientMetadata"] for op in current if op.get("appName") == db_name]
        return len(metadata) >= 3

    await async_wait_until(all_connected, what="all connections are there")
    for each in metadata:
        names, versions = (each["driver"][key].split("|") for key in ("name", "version"))
        assert {"PyMongo", "Motor", "Umotor"} <= set(names)
        own = names.index("Motor")
        if pymongo.version_tuple >= (4, 19):
            assert versions[own:] == [motor.version, users or ""]
        assert not each["platform"].endswith("|")


@pytest.mark.skipif(
    not hasattr(pymongo.MongoClient, "append_metadata"), reason="append_metadata: PyMongo 4.14"
)
async def test_append_metadata_and_from_delegate_add_to_the_handshake(
    framework: Framework, mongo_uri: str
) -> None:
    client = framework.Client.from_delegate(
        pymongo.MongoClient(mongo_uri, serverMonitoringMode="poll")
    )
    client.append_metadata(DriverInfo("Umotor", "1.2.3"))
    names = (await metadata_at_server(client))["driver"]["name"].split("|")
    assert {"PyMongo", "Motor", "Umotor"} <= set(names)
    await client.close()
