"""The tools that observe programs see Motor's operations: those of doc/observability.rst.

Each runs in a process of its own, as agents change what they observe for good. `tox -e
observability` installs them; elsewhere these tests are skipped. The tests of the page's snippets
run OpenTelemetry and Prometheus.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pymongo
import pytest

from support import run_python
from support.snippets import snippets

PAGE = Path(__file__).parent.parent / "doc" / "observability.rst"

#: Sends four operations within a span, two of them at once.
WORK = """
import asyncio, json, sys, warnings
# The tools' warnings are theirs to mend.
warnings.simplefilter("ignore")
{before}
{setup}
{after}
from motor.motor_asyncio import AsyncIOMotorClient

async def insert(books):
    await books.insert_one({"title": "Momo"})

async def find(books):
    await books.find_one({})

async def operations(books):
    await asyncio.gather(asyncio.create_task(insert(books)), asyncio.create_task(find(books)))
    async for book in books.aggregate([{"$match": {}}]):
        pass
    await books.find().to_list()

async def main(uri, database):
    client = AsyncIOMotorClient(uri, serverMonitoringMode="poll")
    await client.admin.command("ping")
    await in_span(operations, client[database].books)
    await client.close()

asyncio.run(main(*sys.argv[1:]))
print("SEEN", json.dumps(seen()))
"""


def observed(tool: str, before: str, after: str, mongo_uri: str, db_name: str, **env: str) -> Any:
    """What a tool has seen: a list of [operation, whether its parent is the span around it]."""
    [setup] = [snippet.code for snippet in snippets(PAGE) if tool in snippet.classes]
    code = WORK.replace("{setup}", setup).replace("{before}", before).replace("{after}", after)
    done = run_python(code, mongo_uri, db_name, **env)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("SEEN ")]
    return json.loads(line.removeprefix("SEEN "))


def needs(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is installed by tox -e observability")


def test_sentry(mongo_uri: str, db_name: str) -> None:
    needs("sentry_sdk")
    before = """
import sentry_sdk
from sentry_sdk.integrations.asyncio import enable_asyncio_integration

envelopes = []

class Transport(sentry_sdk.transport.Transport):
    def capture_envelope(self, envelope):
        envelopes.append(envelope)

init = sentry_sdk.init
sentry_sdk.init = lambda **options: init(transport=Transport, **options)
"""
    after = """
async def in_span(function, books):
    enable_asyncio_integration()
    with sentry_sdk.start_transaction(name="request", op="test") as transaction:
        await function(books)
    in_span.id = transaction.span_id

def seen():
    items = [item for envelope in envelopes for item in envelope.items]
    [spans] = [item.payload.json["spans"] for item in items if item.type == "transaction"]
    parents = {s["span_id"]: s for s in spans}

    def below(span):
        # The span of a task may lie between.
        while (parent := span["parent_span_id"]) in parents:
            span = parents[parent]
            if span["op"] == "db":
                return False
        return parent == in_span.id

    return [[s["data"]["db.operation"], below(s)] for s in spans if s["op"] == "db"]
"""
    dsn = "https://key@example.com/1"
    found = observed("sentry", before, after, mongo_uri, db_name, SENTRY_DSN=dsn)
    expected = [[name, True] for name in ("insert", "find", "aggregate", "find")]
    assert sorted(found) == sorted(expected)


def test_elastic(mongo_uri: str, db_name: str) -> None:
    needs("elasticapm")
    before = """
import types
from elasticapm.transport.base import Transport

events = []

class Kept(Transport):
    def queue(self, event_type, data, flush=False):
        events.append((event_type, data))
    def start_thread(self, pid=None):
        pass
    def close(self):
        pass

sys.modules["kept"] = types.ModuleType("kept")
sys.modules["kept"].Kept = Kept
"""
    after = """
async def in_span(function, books):
    apm.begin_transaction("request")
    async with elasticapm.async_capture_span("around"):
        await function(books)
    apm.end_transaction("request", "200")

def seen():
    spans = [data for kind, data in events if kind == "span"]
    [around] = [span["id"] for span in spans if span["name"] == "around"]
    return [
        [span["name"].rpartition("books.")[2], span["parent_id"] == around]
        for span in spans
        if span["name"] != "around"
    ]
"""
    found = observed(
        "elastic",
        before,
        after,
        mongo_uri,
        db_name,
        ELASTIC_APM_TRANSPORT_CLASS="kept.Kept",
        ELASTIC_APM_CENTRAL_CONFIG="false",
        ELASTIC_APM_CLOUD_PROVIDER="none",
        ELASTIC_APM_METRICS_INTERVAL="0s",
        ELASTIC_APM_SPAN_COMPRESSION_ENABLED="false",
        ELASTIC_APM_BREAKDOWN_METRICS="false",
    )
    names = ("insert_one", "find_one", "aggregate", "cursor.refresh")
    assert sorted(found) == sorted([name, True] for name in names)


def test_datadog(mongo_uri: str, db_name: str) -> None:
    needs("ddtrace")
    if pymongo.version_tuple >= (4, 18):
        pytest.skip("ddtrace does not support this PyMongo")
    after = """
from ddtrace.trace import TraceFilter, tracer

spans = []

class Kept(TraceFilter):
    def process_trace(self, trace):
        spans.extend(trace)

tracer.configure(trace_processors=[Kept()])

async def in_span(function, books):
    with tracer.trace("around") as around:
        await function(books)
    in_span.id = around.span_id

def seen():
    by_id = {span.span_id: span for span in spans}
    found = []
    for span in spans:
        # The span of a command lies within that of its connection's checkout.
        if span.resource.endswith(" books"):
            checkout = by_id[span.parent_id]
            found.append([span.resource.split()[0], checkout.parent_id == in_span.id])
    return found
"""
    found = observed(
        "datadog",
        "",
        after,
        mongo_uri,
        db_name,
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_REMOTE_CONFIGURATION_ENABLED="false",
    )
    expected = [[name, True] for name in ("insert", "find", "aggregate", "find")]
    assert sorted(found) == sorted(expected)


def test_newrelic(mongo_uri: str, db_name: str, tmp_path: Path) -> None:
    needs("newrelic")
    settings = tmp_path / "newrelic.ini"
    settings.write_text(
        "[newrelic]\napp_name=books\ndeveloper_mode=true\nlicense_key=none\nstartup_timeout=10\n"
    )
    before = f"import os\nos.chdir({str(tmp_path)!r})\n"
    after = """
import newrelic.core.agent

application = newrelic.agent.register_application()

@newrelic.agent.background_task(name="around")
async def in_span(function, books):
    await function(books)

def seen():
    stats = newrelic.core.agent.agent_instance().application("books")._stats_engine.stats_table
    return [
        [name.rpartition("/")[2], scope == "OtherTransaction/Function/around"]
        for name, scope in stats
        if name.startswith("Datastore/statement/MongoDB/books/") and scope
    ]
"""
    found = observed("newrelic", before, after, mongo_uri, db_name)
    names = ("insert_one", "find_one", "aggregate", "find")
    assert sorted(found) == sorted([name, True] for name in names)
