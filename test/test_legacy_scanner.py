"""`python -m motor.legacy PATH`: the old calls in a source tree, and nothing else."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from motor.legacy.scan import scan_file, scan_source

ROOT = Path(__file__).parent.parent


def found(code: str) -> list[str]:
    """What is found in `code`, which may be indented, with the line of each."""
    return [f"{f.line}: {f.what}" for f in scan_source(textwrap.dedent(code).strip())]


# What is found --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("db.things.insert(document)", "collection.insert()"),
        ("await db.things.insert(document)", "collection.insert()"),
        ("self.db.things.save(document)", "collection.save()"),
        ("self.db['things'].remove({'a': 1})", "collection.remove()"),
        ("self.settings['db'].things.update(spec, document)", "collection.update()"),
        ("request.app['db'].things.insert(document)", "collection.insert()"),
        ("collection.find_and_modify({}, {'$set': {}})", "collection.find_and_modify()"),
        ("users_collection.insert(user)", "collection.insert()"),
        ("coll.ensure_index('name')", "collection.ensure_index()"),
        ("things.ensure_index('name')", "collection.ensure_index()"),
        ("things.update({}, {'$set': {'a': 1}})", "collection.update()"),
        ("things.remove({'a': 1})", "collection.remove()"),
        ("things.find({'a': 1}).count()", "cursor.count()"),
        ("db.things.find().sort('a').count()", "cursor.count()"),
        ("db.things.count()", "collection.count()"),
        ("await db.things.remove()", "collection.remove()"),
        ("db.things.group(key=k, condition={}, initial={}, reduce=r)", "collection.group()"),
        ("yield fs.get(file_id)", "gridfs.get()"),
        ("fs.find({'filename': name})", "gridfs.find()"),
        ("fs.get_last_version(name)", "gridfs.get_last_version()"),
        ("db.things.map_reduce(m, r, 'out')", "collection.map_reduce()"),
        ("db.collection_names()", "database.collection_names()"),
        ("anything.collection_names()", "database.collection_names()"),
        ("client.database_names()", "client.database_names()"),
        ("db.add_user('ada', 'secret')", "database.add_user()"),
        ("db.things.initialize_ordered_bulk_op()", "collection.initialize_ordered_bulk_op()"),
        ("db.things.find(spec={})", "collection.find(spec=…)"),
        ("db.things.find({}, fields=['a'])", "collection.find(fields=…)"),
        ("things.find({}, slave_okay=True)", "collection.find(slave_okay=…)"),
        ("db.things.find_one(spec_or_id=1)", "collection.find_one(spec_or_id=…)"),
        ("db.things.find_one({}, callback=got)", "find_one(callback=…)"),
        ("things.insert_one({}, callback=got)", "insert_one(callback=…)"),
        ("cursor.to_list(10, callback=got)", "to_list(callback=…)"),
        ("db.things.find({}, None, 0, 0, False)", "find() with 5 positional arguments"),
        ("db.read_preference = mode", "database.read_preference = …"),
        ("self.db.write_concern['w'] = 2", "database.write_concern = …"),
        ("db.things.uuid_subtype = 4", "collection.uuid_subtype = …"),
        ("db.slave_okay = True", "database.slave_okay = …"),
        ("def f(c: MotorClient): c.safe = True", "client.safe = …"),
        ("db.things.set_lasterror_options(w=1)", "collection.set_lasterror_options()"),
        ("motor.MotorClient(max_pool_size=5)", "MotorClient(max_pool_size=…)"),
        ("MotorClient('localhost', 27017, 5)", "MotorClient(host, port, 5)"),
        ("MotorClient(slave_okay=True)", "MotorClient(slave_okay=…)"),
        ("import motor; motor.MotorReplicaSetClient", "MotorReplicaSetClient"),
        ("import motor; motor.Op(f)", "Op"),
        ("import motor.motor_tornado as m; m.MotorGridFS(db)", "MotorGridFS"),
        ("from motor import motor_asyncio as m; m.AsyncIOMotorGridFS(db)", "AsyncIOMotorGridFS"),
        ("import pymongo.son_manipulator", "import pymongo.son_manipulator"),
        ("from pymongo import son_manipulator", "from pymongo import son_manipulator"),
        (
            "from pymongo.son_manipulator import SONManipulator",
            "from pymongo.son_manipulator import SONManipulator",
        ),
        ("db.things.aggregate([], cursor=False)", "collection.aggregate(cursor=…)"),
        ("MotorClient(read_preference=2)", "MotorClient(read_preference=…)"),
        ("def f(db: AsyncIOMotorDatabase): db.eval('1')", "database.eval()"),
        ("def f(x: 'AsyncIOMotorCollection'): x.save(d)", "collection.save()"),
        ("yield gen.Task(db.things.insert, document)", "collection.insert()"),
        ("yield Op(app.mongodb.things.update, {}, document)", "collection.update()"),
        ("yield self.motor_client.shop.things.insert(document)", "collection.insert()"),
        ("from bson import ObjectId\nyield client.open()", "client.open()"),
        ("import sqlite3, motor; db.things.insert(document)", "collection.insert()"),
        ("lambda: db.things.insert(d)", "collection.insert()"),
        # Without awaiting.
        ("db.fs.files.remove()", "collection.remove()"),
        ("db['fs.chunks'].remove()", "collection.remove()"),
        ("self.db.fs.files.count()", "collection.count()"),
        ("import motor\ncollection.remove()", "collection.remove()"),
        ("import motor\nclient.disconnect()", "client.disconnect()"),
        ("import motor\nfs.delete(file_id)", "gridfs.delete()"),
        # Motor 0.1.
        ("motor.MotorClient().open_sync()", "client.open_sync()"),
        ("import motor\nclient.open_sync()", "client.open_sync()"),
        ("from bson import ObjectId\nlocked = yield Op(client.is_locked)", "client.is_locked()"),
        ("MotorClient().start_request()", "client.start_request()"),
        ("MotorClient().in_request()", "client.in_request()"),
        ("MotorClient().sync_client()", "client.sync_client()"),
        ("client.copy_database('a', 'b')", "client.copy_database()"),
        ("MotorClient(max_concurrent=5)", "MotorClient(max_concurrent=…)"),
        ("MotorClient(max_wait_time=0.5)", "MotorClient(max_wait_time=…)"),
        ("import motor\nmotor.MotorConnection()", "MotorConnection"),
        ("from motor import MotorReplicaSetConnection", None),
        ("from motor import WaitOp", None),
        ("import motor\nyield motor.WaitAllOps(['a', 'b'])", "WaitAllOps"),
        ("import motor\ntry: x\nexcept motor.MotorPoolTimeout: y", "MotorPoolTimeout"),
        ("db.things.find().tail(callback)", "cursor.tail()"),
        ("fs = yield Op(MotorGridFS(db).open)", "gridfs.open()"),
        (
            "from motor import MotorClient\ndo = gen.Task\nyield do(db.a.save, d)",
            "collection.save()",
        ),
        ("from tornado.gen import Task as T\nyield T(db.a.save, d)", "collection.save()"),
        # What aggregate took and returned.
        ("(yield db.things.aggregate([]))['result']", "collection.aggregate()['result']"),
        ("db.things.aggregate({'$match': {}})", "collection.aggregate() without a list"),
        # Truth.
        ("import motor\nassert db", "bool(database)"),
        ("db = motor.MotorClient().test\nif db: pass", "bool(database)"),
        ("import motor\ndb = db or self.db", "bool(database)"),
        ("while not MotorClient().shop.things: pass", "bool(collection)"),
        ("import motor\nx = y if self.collection else z", "bool(collection)"),
        ("import motor\n[x for x in y if x or db]", "bool(database)"),
        ("import motor\nbool(db)", "bool(database)"),
    ],
)
def test_finds(code: str, what: str | None) -> None:
    expected = code if what is None else what
    assert [each.partition(": ")[2] for each in found(code)] == [expected]


def test_import_of_a_name_that_is_gone_is_found() -> None:
    code = "from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorGridFS"
    name = "from motor.motor_asyncio import AsyncIOMotorGridFS"
    assert found(code) == [f"1: {name}"]


def test_finds_in_the_methods_of_a_class_what_another_assigns() -> None:
    assert found("""
        class Store:
            def all(self):
                return self.things.find().count()

            def put(self, thing):
                return self.things.insert(thing)

            def __init__(self, url):
                self.things = None
                self.client = motor.MotorClient(url)
                self.things = self.client.shop.things
    """) == ["3: cursor.count()", "6: collection.insert()"]


def test_finds_what_a_function_assigns_to_the_module() -> None:
    assert found("""
        db = None
        store = None

        def add(document):
            db.things.insert(document)
            return store.find().count()

        def close():
            global db
            db = None

        def set_up(uri):
            global db, store
            client = motor.MotorClient(uri)
            db = client.shop
            store = db.orders
            db.things.remove()
    """) == ["5: collection.insert()", "6: cursor.count()", "17: collection.remove()"]


def test_finds_what_an_inner_function_assigns() -> None:
    assert found("""
        def set_up():
            store = None

            def open():
                nonlocal store
                store = motor.MotorClient().shop.orders

            def add(document):
                store.insert(document)
    """) == ["9: collection.insert()"]


def test_a_parameter_that_is_none_by_default_goes_by_its_name() -> None:
    assert found("""
        import motor

        def connect(db=None):
            db = db or motor.MotorClient().shop
            db.things.insert({})

        class Store:
            db: motor.MotorDatabase = None
            things = None

            def __init__(self, db=None):
                self.db = db
                if self.db is None:
                    self.db = motor.MotorClient().shop
                self.db.things.insert({})
    """) == ["4: bool(database)", "5: collection.insert()", "15: collection.insert()"]


def test_finds_the_result_of_an_aggregation() -> None:
    assert found("""
        async def report(collection):
            reply = await collection.aggregate([])
            print(reply["result"], reply.get("result", []), reply["ok"])
            cursor = collection.aggregate([])
            documents = {"result": await cursor.to_list()}
            print(documents["result"])
    """) == ["3: collection.aggregate()['result']", "3: collection.aggregate()['result']"]


def test_truth_of_a_name_counts_where_mongodb_is_concerned() -> None:
    code = "def f(db):\n    x = db or 5\n"
    assert found(code) == []
    assert found(f"import motor\n{code}") == ["3: bool(database)"]
    assert found(f"{code}    db.things.insert({{}})\n")[0] == "2: bool(database)"


def test_no_hint_names_a_class_that_never_was() -> None:
    for name in ("AsyncIOMotorConnection", "AsyncIOMotorPoolTimeout", "AsyncIOOp"):
        assert found(f"from motor.motor_asyncio import {name}") == []


def test_finds_in_a_chain_of_calls_the_line_of_the_name() -> None:
    assert found("""
        n = yield (
            db.things
            .find({"a": 1})
            .limit(5)
            .count()
        )
    """) == ["5: cursor.count()"]


def test_follows_assignments() -> None:
    assert found("""
        import motor
        connection = motor.MotorClient().open_sync()
        c = motor.MotorClient()
        shop = c.shop
        orders, _ = shop.orders, 1
        orders.insert(x)
        o = orders.find()
        yield o.count()
        async with AsyncIOMotorClient() as k:
            k.shop.orders.remove()
        fs = motor.MotorGridFS(shop)
        f = yield fs.get(1)
        f.md5
        b = orders.initialize_unordered_bulk_op()
        b.find({}).update({"$set": {}})
    """) == [
        "2: client.open_sync()",
        "6: collection.insert()",
        "8: cursor.count()",
        "10: collection.remove()",
        "11: MotorGridFS",
        "12: gridfs.get()",
        "13: grid_out.md5",
        "14: collection.initialize_unordered_bulk_op()",
    ]


def test_a_finding_says_what_to_write_and_where_to_read_on() -> None:
    [finding] = scan_source("db.things.insert(d)", "shop.py")
    assert str(finding).startswith("shop.py:1:11: collection.insert(): ")
    assert "insert_one()" in finding.replacement
    assert finding.link == "doc/migrate-from-motor-0/collection.rst#collection-insert"


def test_a_name_that_no_server_knows_comes_with_the_reason() -> None:
    [finding] = scan_source("db.eval('1')")
    assert "gone, as MongoDB" in finding.replacement


# What is not found ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        # Lists, dictionaries, sets, texts and files.
        "things = []\nthings.insert(0, x)\nthings.remove(x)\nthings.count(x)",
        "things.insert(0, x)",
        "things.remove(x)",
        "db = {}\ndb.update(other)\ndb['a'].update(b)",
        "db = dict()\ndb.save(x)",
        "collection = set()\ncollection.remove(x)\ncollection.update(a, b)",
        "collection = [x for x in y]\ncollection.insert(x)",
        "'banana'.count('a')\nname.count('a')",
        "text.find('a')\ntext.find('a', 1, 2)",
        "headers.update(a)\nhasher.update(data)\nself.update(a, b)",
        "os.remove(path)\nos.error()\nshutil.rmtree(path)",
        "form.save()\nmodel.save(commit)\nawait document.insert()",
        "match.group(1)\nre.match(a, b).group()",
        "def f(collection: list): collection.insert(x)",
        "def f(*collection): collection.count(x)",
        # Objects of others with such names.
        "import sqlite3\ndb = sqlite3.connect(p)\ndb.eval(x)\ndb.things.insert(x)",
        "await db.session.remove()\ndb.session.query(X).count()",
        "client.open(path)\nhttp_client.host\nredis_client.get(key)\nclient.logout()",
        "fs.find(path)\nfs.open(path)\nfs.put(a, b)\nfs.exists(path)",
        "import prisma\nawait db.user.count()\nawait db.user.insert(x)",
        "from sqlalchemy.orm import x\ndef f(db): db.things.update(a, b)",
        "await client.open()\nawait client.api.users.update(user_id, data)",
        "await db.insert(table, row)",
        "return cls.collection.count(filter=f, **kwargs)",
        "fs = gridfs.GridFS(db)\nfs.delete(1)\nassert fs.get_last_version('a')",
        "parser.get_version()\npool.Task(things.insert, 1)\nOp(None)",
        "parser.error('no')\nlogger.error(x)",
        "pool_options.max_pool_size\nurl.host\nurl.port",
        "self.read_preference = mode\noptions.write_concern = 1\nclient.safe = True",
        "loop.add_done_callback(callback=x)\nsession.with_transaction(callback=f)",
        "cursor.each(callback=f)\nrequests.get(url, timeout=5)",
        "page.find(name, timeout=5)",
        # Today's calls.
        "await db.things.insert_one(d)\nawait db.things.update_many({}, {'$set': {}})",
        "db.things.find({}, ['a'], 1, 2)\ndb.things.find(filter={}, projection=[])",
        "db.things.find_one({}, sort=[('a', 1)])\ndb.things.create_index('a', unique=True)",
        "db.things.count_documents({})\nclient.list_database_names()",
        "MotorClient('localhost', 27017, dict)\nMotorClient(maxPoolSize=5)",
        "from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorGridFSBucket",
        "import motor\nmotor.MotorClient()\nmotor.version",
        "db.client.admin.command('ping')\ncollection.database.client.close()",
        "bucket.find({})\nbucket.delete(1)\nbucket = AsyncIOMotorGridFSBucket(db)",
        "fs = motor_asyncio.AsyncIOMotorGridFSBucket(db)\nawait fs.delete(1)",
        "class A:\n def f(s): self.fs = GridFSBucket(db)\n async def g(s): await self.fs.delete(1)",
        "db.things.aggregate([], cursor={'batchSize': 2})\nMotorClient(read_preference=mode)",
        "db.insert.find_one()\ndb.eval.insert_one({})",
        "import motor\nassert client\nif client.is_primary: pass\nif cursor.alive: pass",
        "import motor\nassert db is not None\nif db.things.find_one: pass",
        "import motor\nif await db.things.find_one(): pass\nx = [] or db",
        "import motor\nassert framework.Collection\nfor db in dbs or []: pass",
        "db = None\ndef f(db=None): return db or 5",
        "reply = await db.command('ping')\nreply['result']\nresult['result']",
        "db.things.aggregate([])\ndb.things.aggregate(pipeline)",
        "files.remove()\nself.collection.remove()\nself.files.remove()",
        "device.open_sync()\nlog.tail(5)\nsession.start_request()",
    ],
)
def test_does_not_find(code: str) -> None:
    assert found(code) == []


def test_a_comment_silences_its_line() -> None:
    assert found("db.things.insert(d)  # motor: ignore\ndb.things.save(d)") == [
        "2: collection.save()"
    ]


MODERN = [
    path
    for folder in ("motor", "examples", "test", "benchmark")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not {"legacy", "wrong"}.intersection(re.split(r"\W|_", path.relative_to(ROOT).as_posix()))
]


#: They try what PyMongo refuses.
TESTS_OF_TRUTH = {"test_collection_reads.py", "test_database.py"}

#: They call what is old, or wrong, on purpose, and how each such call is named.
ON_PURPOSE = {
    "test_command_cursor.py": {"collection.aggregate() without a list"},
    "test_security_secrets.py": {"database.add_user()", "database.authenticate()"},
}


@pytest.mark.parametrize("path", MODERN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_false_alarm_in_this_project(path: Path) -> None:
    findings = scan_file(path)
    if path.name in TESTS_OF_TRUTH:
        findings = [each for each in findings if not each.what.startswith("bool(")]
    assert {each.what for each in findings} == ON_PURPOSE.get(path.name, set())
