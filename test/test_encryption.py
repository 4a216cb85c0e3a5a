"""Encryption of single values, with keys of a local key management service."""

from __future__ import annotations

import os
import uuid
from typing import Any

import pytest
from bson import SON, Binary, CodecOptions
from bson.codec_options import DEFAULT_CODEC_OPTIONS
from pymongo.encryption import Algorithm, ClientEncryption, QueryType, RewrapManyDataKeyResult
from pymongo.encryption_options import AutoEncryptionOpts, RangeOpts
from pymongo.errors import (
    DuplicateKeyError,
    EncryptedCollectionError,
    EncryptionError,
)
from pymongo.results import DeleteResult

from support import Framework, run_python
from support.errors import raises_as

pytest.importorskip("pymongocrypt", reason="needs the encryption extra")

KMS = {"local": {"key": os.urandom(96)}}
RANDOM = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random


@pytest.fixture
def vault(db_name: str) -> str:
    return f"{db_name}.vault"


@pytest.fixture
def encryption(framework: Framework, client: Any, vault: str) -> Any:
    """To be closed by the tests, with `async with`: closing needs their loop."""
    return framework.ClientEncryption(KMS, vault, client, DEFAULT_CODEC_OPTIONS)


@pytest.fixture
def keys(sync_db: Any) -> Any:
    """The keys' collection, as PyMongo sees it."""
    return sync_db.vault


# Making one ---------------------------------------------------------------------------------


async def test_encryption_is_motors(encryption: Any, framework: Framework, client: Any) -> None:
    async with encryption as entered:
        assert entered is encryption
        assert isinstance(encryption.delegate, ClientEncryption)
        assert encryption.io_loop is framework.current_loop()
    with raises_as(encryption.delegate.create_data_key, "local"):
        await encryption.create_data_key("local")


async def test_closing_twice_is_no_error(encryption: Any) -> None:
    assert await encryption.close() is None
    await encryption.close()


async def test_with_is_refused(encryption: Any) -> None:
    async with encryption:
        with pytest.raises(RuntimeError, match="async with"), encryption:
            pass


def test_encryption_has_an_io_loop_of_its_own(
    framework: Framework, client: Any, vault: str
) -> None:
    loop = framework.new_loop()
    encryption = framework.ClientEncryption(KMS, vault, client, DEFAULT_CODEC_OPTIONS, loop)
    assert encryption.io_loop is encryption.get_io_loop() is loop
    closing = encryption.close()
    assert closing.get_loop() is getattr(loop, "asyncio_loop", loop)
    closing.get_loop().run_until_complete(closing)
    loop.close()


async def test_pymongos_further_options_are_taken(
    framework: Framework, client: Any, vault: str
) -> None:
    async with framework.ClientEncryption(
        KMS,
        vault,
        client,
        DEFAULT_CODEC_OPTIONS,
        key_expiration_ms=1000,
    ):
        pass
    tls = {"kmip": {"tlsInsecure": True}}
    arguments = {"codec_options": DEFAULT_CODEC_OPTIONS, "kms_tls_options": tls}
    with raises_as(ClientEncryption, KMS, vault, client.delegate, **arguments):
        framework.ClientEncryption(KMS, vault, client, **arguments)
    with pytest.raises(TypeError, match="no_such"):
        framework.ClientEncryption(KMS, vault, client, DEFAULT_CODEC_OPTIONS, no_such=1)


def test_bad_arguments_are_refused_at_once(framework: Framework, client: Any, vault: str) -> None:
    make = framework.ClientEncryption
    with pytest.raises(TypeError, match=f"key_vault_client must be {framework.Client.__name__}"):
        make(KMS, vault, client.delegate, DEFAULT_CODEC_OPTIONS)
    with pytest.raises(TypeError, match="io_loop must be instance of"):
        make(KMS, vault, client, DEFAULT_CODEC_OPTIONS, "loop")
    with pytest.raises(TypeError, match="codec_options"):
        make(KMS, vault, client, {})


def test_without_the_extra_the_error_names_it() -> None:
    run_python("""
        import sys

        sys.modules["pymongocrypt"] = None
        from bson.codec_options import DEFAULT_CODEC_OPTIONS
        from pymongo.errors import ConfigurationError
        from motor import motor_asyncio, motor_tornado

        for client_class, encryption_class in (
            (motor_asyncio.AsyncIOMotorClient, motor_asyncio.AsyncIOMotorClientEncryption),
            (motor_tornado.MotorClient, motor_tornado.MotorClientEncryption),
        ):
            client = client_class()
            kms = {"local": {"key": b" " * 96}}
            try:
                encryption_class(kms, "a.b", client, DEFAULT_CODEC_OPTIONS)
            except ConfigurationError as error:
                assert "needs the encryption extra" in str(error), error
            else:
                raise AssertionError("nothing was raised")
            client.close()
    """)


# Keys ---------------------------------------------------------------------------------------


async def test_create_data_key_stores_it(encryption: Any, keys: Any) -> None:
    async with encryption:
        key = await encryption.create_data_key("local", None, ["mine"], os.urandom(96))
    assert isinstance(key, Binary)
    (stored,) = keys.find()
    assert (stored["_id"], stored["keyAltNames"]) == (key, ["mine"])


async def test_key_alt_names_must_be_unique(encryption: Any, keys: Any) -> None:
    keys.create_index(
        "keyAltNames", unique=True, partialFilterExpression={"keyAltNames": {"$exists": True}}
    )
    async with encryption:
        await encryption.create_data_key("local", key_alt_names=["mine"])
        with pytest.raises(EncryptionError) as caught:
            await encryption.create_data_key("local", key_alt_names=["mine"])
    assert isinstance(caught.value.cause, DuplicateKeyError)


async def test_get_key_and_get_key_by_alt_name(encryption: Any) -> None:
    async with encryption:
        key = await encryption.create_data_key("local", key_alt_names=["mine"])
        assert (await encryption.get_key(key))["_id"] == key
        assert (await encryption.get_key_by_alt_name("mine"))["_id"] == key
        assert await encryption.get_key(Binary(uuid.uuid4().bytes, 4)) is None
        assert await encryption.get_key_by_alt_name("yours") is None


@pytest.mark.parametrize("awaited", [True, False])
async def test_get_keys_gives_a_cursor_awaited_or_not(
    encryption: Any, framework: Framework, awaited: bool
) -> None:
    async with encryption:
        created = {await encryption.create_data_key("local") for _ in range(3)}
        cursor = encryption.get_keys()
        if awaited:
            assert await cursor is cursor
        assert type(cursor) is framework.Cursor
        assert cursor.collection is encryption
        assert {key["_id"] async for key in cursor} == created


async def test_key_alt_names_can_be_added_and_removed(encryption: Any, keys: Any) -> None:
    async with encryption:
        key = await encryption.create_data_key("local")
        assert "keyAltNames" not in await encryption.add_key_alt_name(key, "mine")
        assert keys.find_one()["keyAltNames"] == ["mine"]
        assert (await encryption.remove_key_alt_name(key, "mine"))["keyAltNames"] == ["mine"]
        assert "keyAltNames" not in keys.find_one()


async def test_delete_key(encryption: Any, keys: Any) -> None:
    async with encryption:
        key = await encryption.create_data_key("local")
        result = await encryption.delete_key(key)
    assert isinstance(result, DeleteResult)
    assert result.deleted_count == 1
    assert keys.count_documents({}) == 0


async def test_rewrap_many_data_key(encryption: Any, keys: Any) -> None:
    async with encryption:
        key = await encryption.create_data_key("local", key_alt_names=["mine"])
        await encryption.create_data_key("local")
        secret = await encryption.encrypt("secret", RANDOM, key)
        before = keys.find_one(key)["keyMaterial"]
        result = await encryption.rewrap_many_data_key({"keyAltNames": "mine"}, "local")
        assert isinstance(result, RewrapManyDataKeyResult)
        assert result.bulk_write_result.modified_count == 1
        assert keys.find_one(key)["keyMaterial"] != before
        assert await encryption.decrypt(secret) == "secret"
        nothing = await encryption.rewrap_many_data_key({"keyAltNames": "yours"})
        assert nothing.bulk_write_result is None
        with raises_as(encryption.delegate.rewrap_many_data_key, {}, master_key={}):
            await encryption.rewrap_many_data_key({}, master_key={})


# Values -------------------------------------------------------------------------------------


async def test_encrypt_and_decrypt(encryption: Any) -> None:
    async with encryption:
        key = await encryption.create_data_key("local", key_alt_names=["mine"])
        by_id = await encryption.encrypt("secret", RANDOM, key)
        by_name = await encryption.encrypt("secret", RANDOM, key_alt_name="mine")
        assert by_id.subtype == by_name.subtype == 6
        assert by_id != by_name
        assert await encryption.decrypt(by_id) == await encryption.decrypt(by_name) == "secret"


async def test_deterministic_encryption_can_be_queried(encryption: Any, db: Any) -> None:
    algorithm = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Deterministic
    async with encryption:
        key = await encryption.create_data_key("local")
        await db.people.insert_one({"_id": 1, "ssn": await encryption.encrypt("1", algorithm, key)})
        found = await db.people.find_one({"ssn": await encryption.encrypt("1", algorithm, key)})
        assert await encryption.decrypt(found["ssn"]) == "1"


async def test_codec_options_apply_to_decrypted_values(
    framework: Framework, client: Any, vault: str
) -> None:
    async with framework.ClientEncryption(KMS, vault, client, CodecOptions(SON)) as encryption:
        key = await encryption.create_data_key("local")
        secret = await encryption.encrypt({"a": 1}, RANDOM, key)
        assert type(await encryption.decrypt(secret)) is SON


async def test_indexed_encryption_takes_its_options(encryption: Any) -> None:
    async with encryption:
        key = await encryption.create_data_key("local")
        payload = await encryption.encrypt(
            1, Algorithm.INDEXED, key, query_type=QueryType.EQUALITY, contention_factor=0
        )
        assert payload.subtype == 6
        with raises_as(encryption.delegate.encrypt, 1, Algorithm.INDEXED, key):
            await encryption.encrypt(1, Algorithm.INDEXED, key)


async def test_encrypt_expression(encryption: Any) -> None:
    options = RangeOpts(min=0, max=200, sparsity=1, trim_factor=1)
    expression = {"$and": [{"age": {"$gte": 6}}, {"age": {"$lte": 200}}]}
    async with encryption:
        key = await encryption.create_data_key("local")
        encrypted = await encryption.encrypt_expression(
            expression,
            Algorithm.RANGE,
            key,
            query_type=QueryType.RANGE,
            contention_factor=0,
            range_opts=options,
        )
    assert encrypted["$and"][0]["age"]["$gte"].subtype == 6


async def test_errors_are_pymongos(encryption: Any) -> None:
    async with encryption:
        with pytest.raises(EncryptionError):
            await encryption.encrypt("secret", RANDOM, Binary(uuid.uuid4().bytes, 4))
        with raises_as(encryption.delegate.decrypt, "secret"):
            await encryption.decrypt("secret")
        with raises_as(encryption.delegate.encrypt, "secret", RANDOM):
            await encryption.encrypt("secret", RANDOM)


# Collections --------------------------------------------------------------------------------


async def test_create_encrypted_collection(
    encryption: Any, db: Any, framework: Framework, keys: Any, server_version: tuple[int, ...]
) -> None:
    fields = {"fields": [{"path": "ssn", "bsonType": "string", "keyId": None}]}
    async with encryption, db.client.start_session() as session:
        create = encryption.create_encrypted_collection(
            db, "people", fields, "local", session=session
        )
        if server_version < (7,):
            with pytest.raises(EncryptedCollectionError) as caught:
                await create
            filled = caught.value.encrypted_fields
        else:
            collection, filled = await create
            assert type(collection) is framework.Collection
            assert collection.database is db
            assert (await collection.options())["encryptedFields"]["fields"]
    assert [field["keyId"] for field in filled["fields"]] == keys.distinct("_id")
    assert fields["fields"][0]["keyId"] is None


async def test_create_encrypted_collection_needs_a_motor_database(
    encryption: Any, db: Any, framework: Framework, keys: Any
) -> None:
    async with encryption:
        for wrong in ("people", db.delegate, db.people):
            with pytest.raises(TypeError, match=f"must be {framework.Database.__name__}"):
                await encryption.create_encrypted_collection(wrong, "people", {"fields": []})
        assert keys.count_documents({}) == 0


# Automatic ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bypass", ["bypass_auto_encryption", "bypass_query_analysis"])
@pytest.mark.parametrize("own_vault_client", [True, False])
async def test_values_are_decrypted_automatically(
    client_factory: Any,
    encryption: Any,
    vault: str,
    client: Any,
    bypass: str,
    own_vault_client: bool,
) -> None:
    options = AutoEncryptionOpts(
        KMS, vault, key_vault_client=client if own_vault_client else None, **{bypass: True}
    )
    automatic = client_factory(auto_encryption_opts=options)
    people = automatic[vault.partition(".")[0]].people
    async with encryption:
        key = await encryption.create_data_key("local")
        secret = await encryption.encrypt("secret", RANDOM, key)
    await people.insert_one({"_id": 1, "ssn": secret})
    expected = {"_id": 1, "ssn": "secret"}
    assert await people.find_one() == expected
    assert await people.find().to_list() == [expected]
    assert [found async for found in people.aggregate([])] == [expected]
    assert (await client[people.database.name].people.find_one())["ssn"] == secret
    await automatic.close()
