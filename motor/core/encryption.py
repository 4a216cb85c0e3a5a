"""Explicit encryption of fields, in the client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.encryption import AsyncClientEncryption
from pymongo.database import Database
from pymongo.encryption import ClientEncryption
from pymongo.errors import ConfigurationError
from pymongo.mongo_client import MongoClient

from motor.core.arguments import call
from motor.core.base import AgnosticBase, unwrap_arguments
from motor.core.loops import needs_loop
from motor.execution.future import OperationFuture
from motor.metaprogramming import coroutine_annotation, takes_arguments_of

__all__ = ["AgnosticClientEncryption"]


class AgnosticClientEncryption(AgnosticBase):
    """Encrypts and decrypts single values, and manages their keys.

    - `kms_providers`: the key management services and their credentials
    - `key_vault_namespace`: ``"database.collection"`` of the keys
    - `key_vault_client`: a Motor client connected to the keys' deployment
    - `codec_options`: how values become BSON
    - `io_loop`: as for a client; None: the client's
    - `kms_tls_options`: TLS options for each provider

    Further keywords are those of :class:`pymongo.encryption.ClientEncryption`. Raises
    ConfigurationError when the ``encryption`` extra is not installed.
    """

    __motor_class_name__ = "MotorClientEncryption"
    __delegate_class__ = ClientEncryption
    __async_class__ = AsyncClientEncryption

    def __init__(
        self,
        kms_providers: Mapping[str, Any],
        key_vault_namespace: str,
        key_vault_client: Any,
        codec_options: Any,
        io_loop: Any = None,
        kms_tls_options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self._require(key_vault_client, MongoClient, "key_vault_client")
        if io_loop is not None:
            self._framework.check_event_loop(io_loop)
        self._io_loop = io_loop
        self._client = key_vault_client
        try:
            delegate: ClientEncryption[Any] = call(
                type(self).__name__,
                ClientEncryption,
                kms_providers,
                key_vault_namespace,
                key_vault_client.delegate,
                codec_options,
                kms_tls_options=kms_tls_options,
                **kwargs,
            )
        except ConfigurationError as exc:
            if "pymongocrypt" not in str(exc):
                raise
            raise ConfigurationError(
                f"{type(self).__name__} needs the encryption extra: install Motor with "
                f"'[encryption]' after its name ({exc})"
            ) from exc
        super().__init__(delegate)

    @property
    def io_loop(self) -> Any:
        """The event loop that calls belong to when they are made while none is running."""
        return self.get_io_loop()

    def get_io_loop(self) -> Any:
        """The constructor's `io_loop`, or else the client's."""
        return self._io_loop if self._io_loop is not None else self._client.get_io_loop()

    def _loop_elsewhere(self) -> asyncio.AbstractEventLoop | None:
        if self._io_loop is not None:
            return self._framework.asyncio_loop(self._io_loop)
        return super()._loop_elsewhere()

    @coroutine_annotation
    @needs_loop
    def create_encrypted_collection(
        self,
        database: Any,
        name: str,
        encrypted_fields: Mapping[str, Any],
        *args: Any,
        **kwargs: Any,
    ) -> OperationFuture[tuple[Any, Mapping[str, Any]]]:
        """Like :meth:`~pymongo.encryption.ClientEncryption.create_encrypted_collection`.

        - `database`: a Motor database

        Returns a future of the Motor collection and the encrypted fields, with the new keys' ids.
        """
        self._require(database, Database, "database")
        create = self.delegate.create_encrypted_collection

        def run(*arguments: Any, **options: Any) -> tuple[Any, Mapping[str, Any]]:
            collection, fields = create(
                database.delegate, name, encrypted_fields, *arguments, **options
            )
            return database._wrap(collection), fields

        plain_args, plain_kwargs, queue = unwrap_arguments(args, kwargs)
        return self._submit_function(run, plain_args, plain_kwargs, queue=queue)

    @coroutine_annotation
    @takes_arguments_of(ClientEncryption.get_keys)
    def get_keys(self, *args: Any, **kwargs: Any) -> Any:
        """Like :meth:`~pymongo.encryption.ClientEncryption.get_keys`. Returns the cursor at once.

        It may be awaited, which gives the cursor itself.
        """
        return self._call_in_place("get_keys", args, kwargs)

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.close()  # type: ignore[attr-defined]

    def __enter__(self) -> Any:
        raise RuntimeError(f'Use {type(self).__name__} in "async with", not "with"')

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        """Only here so that ``with`` gets as far as `__enter__`, which refuses."""
