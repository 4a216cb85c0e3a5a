"""What ``help()``, the stubs and the reference say first of the derived methods that are used
most: what each does, what it returns, and an example.

In the examples, ``client`` is a client, ``db`` a database of it, ``books`` a collection there,
``bucket`` a GridFS bucket and ``session`` a session. Other names are ``pymongo``'s. The test suite
runs them.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BUCKET", "CLIENT", "COLLECTION", "CURSOR", "DATABASE", "SESSION", "Reference"]

#: By method: the first sentences, and the lines of the example.
Reference = Mapping[str, tuple[str, ...]]

COLLECTION: Reference = {
    "aggregate": (
        "Run an aggregation pipeline. Returns a cursor of its results at once.",
        'pipeline = [{"$group": {"_id": "$author", "count": {"$sum": 1}}}]',
        "async for group in books.aggregate(pipeline):",
        '    print(group["_id"], group["count"])',
    ),
    "bulk_write": (
        "Send many writes at once. Returns a future of the result, which counts what was done.",
        'requests = [InsertOne({"title": "Emma"}), DeleteOne({"title": "Evelina"})]',
        "result = await books.bulk_write(requests)",
        "print(result.inserted_count, result.deleted_count)",
    ),
    "count_documents": (
        "Count the documents that match a filter. Returns a future of the number.",
        'count = await books.count_documents({"author": "Austen"})',
        "print(count)",
    ),
    "create_index": (
        "Create an index unless it exists. Returns a future of the index's name.",
        'name = await books.create_index([("author", 1), ("year", -1)])',
        "print(name)",
    ),
    "create_indexes": (
        "Create several indexes unless they exist. Returns a future of a list of their names.",
        'models = [IndexModel([("author", 1)]), IndexModel([("year", -1)])]',
        "names = await books.create_indexes(models)",
    ),
    "delete_many": (
        "Delete all documents that match a filter. Returns a future of the result, which has\n"
        "their number.",
        'result = await books.delete_many({"author": "Burney"})',
        "print(result.deleted_count)",
    ),
    "delete_one": (
        "Delete one document that matches a filter. Returns a future of the result, which has the\n"
        "number of those deleted: 1 or 0.",
        'result = await books.delete_one({"title": "Evelina"})',
        "print(result.deleted_count)",
    ),
    "distinct": (
        "Find the different values of a field. Returns a future of a list of them.",
        'authors = await books.distinct("author", {"year": {"$gte": 1800}})',
        "print(authors)",
    ),
    "drop": (
        "Drop the collection with its documents and indexes. Returns a future of None. There is\n"
        "no error if it does not exist.",
        "await books.drop()",
        "assert await books.count_documents({}) == 0",
    ),
    "drop_index": (
        "Drop one index, by its name or its keys. Returns a future of None.",
        'await books.create_index("year")',
        'await books.drop_index("year_1")',
    ),
    "drop_indexes": (
        "Drop all indexes except the one on ``_id``. Returns a future of None.",
        "await books.drop_indexes()",
        'assert list(await books.index_information()) == ["_id_"]',
    ),
    "estimated_document_count": (
        "Estimate the number of documents, without counting them. Returns a future of the number.\n"
        "Quick, but not exact after a crash or in a sharded cluster.",
        "count = await books.estimated_document_count()",
        "print(count)",
    ),
    "find": (
        "Find the documents that match a filter. Returns a cursor at once; the query is sent when\n"
        "the cursor is first read.",
        'async for book in books.find({"author": "Austen"}).sort("year"):',
        '    print(book["title"])',
    ),
    "find_one": (
        "Find one document that matches a filter. Returns a future of the document, or of None if\n"
        "there is none.",
        'book = await books.find_one({"title": "Persuasion"})',
        'print("none" if book is None else book["year"])',
    ),
    "find_one_and_delete": (
        "Find one document and delete it. Returns a future of the document, or of None if there\n"
        "is none.",
        'book = await books.find_one_and_delete({"title": "Evelina"})',
        "print(book)",
    ),
    "find_one_and_replace": (
        "Find one document and replace it. Returns a future of the document as it was before, or\n"
        "after with ``return_document``; of None if there is none.",
        'new = {"title": "Persuasion", "author": "Austen", "year": 1817}',
        'old = await books.find_one_and_replace({"title": "Persuasion"}, new)',
        "print(old)",
    ),
    "find_one_and_update": (
        "Find one document and update it. Returns a future of the document as it was before, or\n"
        "after with ``return_document``; of None if there is none.",
        'query, update = {"title": "Persuasion"}, {"$inc": {"copies": 1}}',
        "book = await books.find_one_and_update(query, update, return_document=True)",
        'print(book["copies"])',
    ),
    "index_information": (
        "Describe the indexes. Returns a future of a dictionary by the names of the indexes.",
        "indexes = await books.index_information()",
        'print(indexes["_id_"]["key"])',
    ),
    "insert_many": (
        "Insert several documents. Returns a future of the result, which has their ``_id``.",
        'result = await books.insert_many([{"title": "Emma"}, {"title": "Persuasion"}])',
        "print(result.inserted_ids)",
    ),
    "insert_one": (
        "Insert one document. Returns a future of the result, which has the document's ``_id``. A\n"
        "document without an ``_id`` is given one.",
        'result = await books.insert_one({"title": "Emma", "author": "Austen", "year": 1815})',
        "print(result.inserted_id)",
    ),
    "list_indexes": (
        "List the indexes. Returns a cursor of their descriptions at once.",
        "async for index in books.list_indexes():",
        '    print(index["name"], index["key"])',
    ),
    "rename": (
        "Rename the collection. Returns a future of the server's answer. It fails if the\n"
        "new name is taken, unless ``dropTarget=True`` is given.",
        'await books.rename("old_books")',
        'print(await db["old_books"].count_documents({}))',
    ),
    "replace_one": (
        "Replace one document that matches a filter; its ``_id`` stays. Returns a future of the\n"
        "result, which has the numbers of documents found and changed.",
        'result = await books.replace_one({"title": "Emma"}, {"title": "Emma", "year": 1815})',
        "print(result.matched_count, result.modified_count)",
    ),
    "update_many": (
        "Update all documents that match a filter. Returns a future of the result, which has the\n"
        "numbers of documents found and changed.",
        'result = await books.update_many({"author": "Austen"}, {"$set": {"shelf": 3}})',
        "print(result.matched_count, result.modified_count)",
    ),
    "update_one": (
        "Update one document that matches a filter. Returns a future of the result, which has the\n"
        "numbers of documents found and changed.",
        'result = await books.update_one({"title": "Emma"}, {"$set": {"year": 1815}})',
        "print(result.matched_count, result.modified_count)",
    ),
    "watch": (
        "Watch the collection for changes. Returns a change stream at once, for ``async with``\n"
        "and ``async for``. Needs a replica set.",
        "async with books.watch() as stream:",
        "    change = await stream.next()",
        '    print(change["operationType"])',
    ),
}

DATABASE: Reference = {
    "aggregate": (
        "Run an aggregation pipeline that needs no collection. Returns a cursor of its results at\n"
        "once.",
        'async for each in db.aggregate([{"$documents": [{"x": 1}]}]):',
        '    print(each["x"])',
    ),
    "command": (
        "Run a command on the database. Returns a future of the server's answer, a dictionary.",
        'answer = await db.command("dbStats")',
        'print(answer["collections"])',
    ),
    "create_collection": (
        "Create a collection, with options. Returns a future of the collection. It fails if the\n"
        "name is taken. Without options you need not create it: the first insert does that.",
        'log = await db.create_collection("log", capped=True, size=1_000_000)',
        'await log.insert_one({"message": "begun"})',
    ),
    "drop_collection": (
        "Drop a collection with its documents and indexes. Returns a future of the server's\n"
        "answer. There is no error if it does not exist.",
        'await db.drop_collection("books")',
        'assert "books" not in await db.list_collection_names()',
    ),
    "get_collection": (
        "Get a collection, with options of its own. Returns it at once; nothing is sent.\n"
        "``db.books`` and ``db['books']`` have the database's options.",
        'books = db.get_collection("books", read_preference=ReadPreference.NEAREST)',
        "print(await books.count_documents({}))",
    ),
    "list_collection_names": (
        "List the names of the collections. Returns a future of a list.",
        "names = await db.list_collection_names()",
        "print(sorted(names))",
    ),
    "list_collections": (
        "List the collections with their options. Returns a cursor of their descriptions at once.",
        "async for collection in db.list_collections():",
        '    print(collection["name"], collection["options"])',
    ),
    "watch": (
        "Watch all collections of the database for changes. Returns a change stream at once, for\n"
        "``async with`` and ``async for``. Needs a replica set.",
        "async with db.watch() as stream:",
        "    change = await stream.next()",
        '    print(change["ns"]["coll"], change["operationType"])',
    ),
}

CLIENT: Reference = {
    "drop_database": (
        "Drop a database with all its collections. Returns a future of None. There is no error if\n"
        "it does not exist.",
        "await client.drop_database(db.name)",
        "assert db.name not in await client.list_database_names()",
    ),
    "get_database": (
        "Get a database, with options of its own. Returns it at once; nothing is sent.\n"
        "``client.library`` and ``client['library']`` have the client's options.",
        'library = client.get_database("library", write_concern=WriteConcern("majority"))',
        "print(library.write_concern)",
    ),
    "get_default_database": (
        "Get the database that the URI names, or the one given here if it names none. Returns it\n"
        "at once; nothing is sent.",
        'library = client.get_default_database("library")',
        "print(library.name)",
    ),
    "list_database_names": (
        "List the names of the databases. Returns a future of a list.",
        "names = await client.list_database_names()",
        "print(names)",
    ),
    "list_databases": (
        "List the databases with their sizes. Returns a cursor of their descriptions at once.",
        "async for database in client.list_databases():",
        '    print(database["name"], database["sizeOnDisk"])',
    ),
    "server_info": (
        "Ask the server for its version and how it was built. Returns a future of a dictionary.",
        "info = await client.server_info()",
        'print(info["version"])',
    ),
    "watch": (
        "Watch all databases of the deployment for changes. Returns a change stream at once, for\n"
        "``async with`` and ``async for``. Needs a replica set.",
        "async with client.watch() as stream:",
        "    change = await stream.next()",
        '    print(change["ns"], change["operationType"])',
    ),
}

CURSOR: Reference = {
    "distinct": (
        "Find the different values of a field in what the cursor would give. Returns a future of\n"
        "a list of them.",
        'years = await books.find({"author": "Austen"}).distinct("year")',
        "print(years)",
    ),
    "explain": (
        "Ask how the server would run the query. Returns a future of its plan, a dictionary.",
        'plan = await books.find({"title": "Emma"}).explain()',
        'print(plan["queryPlanner"]["winningPlan"])',
    ),
    "hint": (
        "Tell the server which index to use. Returns the cursor.",
        'name = await books.create_index("year")',
        'found = await books.find({"year": {"$gt": 1800}}).hint(name).to_list()',
    ),
    "limit": (
        "Limit the number of documents. 0 is no limit. Returns the cursor.",
        'newest = await books.find().sort("year", -1).limit(3).to_list()',
        "print(newest)",
    ),
    "skip": (
        "Leave out the first documents. Returns the cursor.",
        'second_page = await books.find().sort("title").skip(10).limit(10).to_list()',
        "print(second_page)",
    ),
    "sort": (
        "Sort the documents by a field, or by several: 1 is ascending, -1 descending. Returns the\n"
        "cursor.",
        'async for book in books.find().sort([("author", 1), ("year", -1)]):',
        "    print(book)",
    ),
}

SESSION: Reference = {
    "abort_transaction": (
        "Abort the transaction: nothing of it is done. Returns a future of None.",
        "session.start_transaction()",
        'await books.insert_one({"title": "Emma"}, session=session)',
        "await session.abort_transaction()",
    ),
    "commit_transaction": (
        "Commit the transaction: all of it is done, or nothing. Returns a future of None.\n"
        "``async with session.start_transaction():`` does it by itself.",
        "session.start_transaction()",
        'await books.insert_one({"title": "Emma"}, session=session)',
        "await session.commit_transaction()",
    ),
}

BUCKET: Reference = {
    "delete": (
        "Delete the file with this ``_id``. Returns a future of None. It fails with NoFile if\n"
        "there is no such file.",
        'file_id = await bucket.upload_from_stream("draft.txt", b"Chapter I")',
        "await bucket.delete(file_id)",
    ),
    "rename": (
        "Rename the file with this ``_id``. Returns a future of None. It fails with NoFile if\n"
        "there is no such file.",
        'file_id = await bucket.upload_from_stream("draft.txt", b"Chapter I")',
        'await bucket.rename(file_id, "emma.txt")',
    ),
}
