"""Documents of a client that decrypts by itself are what they are with PyMongo.

Values are encrypted explicitly, since only decryption needs nothing but libmongocrypt. See
`support/corpus.py` for how the two are compared.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from bson import CodecOptions, MaxKey, MinKey
from bson.codec_options import DEFAULT_CODEC_OPTIONS
from hypothesis import given
from hypothesis import strategies as st
from pymongo.encryption import Algorithm, ClientEncryption
from pymongo.encryption_options import AutoEncryptionOpts

from support import Framework
from support.canonical import Canonical
from support.corpus import Pair, Peer, examples, pair_of
from support.corpus_cursors import aggregations, drain, partly, queries, read_partly, ways
from support.corpus_documents import codec_options, documents, fill, values

pytest.importorskip("pymongocrypt", reason="needs the encryption extra")

KMS = {"local": {"key": os.urandom(96)}}
RANDOM = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random


@pytest.fixture
def encryption(sync_client: Any, db_name: str) -> Iterator[tuple[ClientEncryption, Any]]:
    """PyMongo's explicit encryption, and a key."""
    with ClientEncryption(KMS, f"{db_name}.vault", sync_client, DEFAULT_CODEC_OPTIONS) as explicit:
        yield explicit, explicit.create_data_key("local")


@pytest.fixture
def pair(
    framework: Framework, client_factory: Any, mongo_uri: str, db_name: str, encryption: Any
) -> Iterator[Pair]:
    options = AutoEncryptionOpts(KMS, f"{db_name}.vault", bypass_auto_encryption=True)
    with pair_of(
        framework, client_factory, mongo_uri, db_name, auto_encryption_opts=options
    ) as pair:
        yield pair


_PLACES = st.dictionaries(st.integers(0, 11), values, max_size=3)


#: What is not encrypted in this way, some by the rules of the library.
_PLAIN = (type(None), bool, float, dict, list, MinKey, MaxKey)


def _fill(sync_db: Any, encryption: Any, docs: list[Any], secrets: dict[int, Any]) -> None:
    explicit, key = encryption
    for place, value in secrets.items():
        if docs and not isinstance(value, _PLAIN):
            document = docs[place % len(docs)]
            document["in"] = {"secret": [explicit.encrypt(value, RANDOM, key)]}
    fill(sync_db.test, docs)


@examples(10)
@given(docs=documents(1), secrets=_PLACES, options=codec_options(), query=queries, way=ways)
def test_find_decrypts(
    pair: Pair,
    sync_db: Any,
    encryption: Any,
    docs: Any,
    secrets: Any,
    options: Any,
    query: Any,
    way: str,
) -> None:
    _fill(sync_db, encryption, docs, secrets)

    async def plan(peer: Peer) -> None:
        cursor = await peer.open(peer.collection(options).find, **query)
        if cursor is not None:
            await drain(peer, cursor, way)
        await peer.attempt(peer.collection(options).find_one, sort=[("_id", 1)])
        # Refused by both, as raw batches would not be decrypted.
        await peer.open(peer.collection().find_raw_batches)

    pair.compare(plan)


@examples(8)
@given(docs=documents(1), secrets=_PLACES, query=aggregations, how=partly)
def test_aggregate_decrypts(
    pair: Pair, sync_db: Any, encryption: Any, docs: Any, secrets: Any, query: Any, how: Any
) -> None:
    _fill(sync_db, encryption, docs, secrets)

    async def plan(peer: Peer) -> None:
        cursor = await peer.open(peer.collection().aggregate, **query)
        if cursor is not None:
            await read_partly(peer, cursor, how)

    pair.compare(plan)


@pytest.mark.parametrize("way", ["for", "to_list"])
def test_values_come_back_as_they_were(pair: Pair, sync_db: Any, encryption: Any, way: str) -> None:
    _fill(sync_db, encryption, [{"_id": i} for i in range(12)], {3: "secret", 9: 5})

    async def plan(peer: Peer) -> None:
        await drain(peer, peer.collection(CodecOptions()).find(batch_size=2), way)

    outcome = pair.compare(plan)
    expected = Canonical().value([{"_id": 3, "in": {"secret": ["secret"]}}])[1][0]
    found = outcome.noted("document") or outcome.noted("list")[0][1]
    assert expected in found
