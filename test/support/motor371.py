"""The members of Motor 3.7.1's classes, by the result of a call.

The names are those without the framework's prefix: both frameworks had the same members.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class Members:
    """What one class had.

    - `futures`: calls that returned a future, of an operation that had started
    - `coroutines`: calls that had to be awaited, and began to work then
    - `plain`: calls with nothing to wait for
    - `properties`: of the class
    - `attributes`: of its objects, set by the constructor
    """

    futures: frozenset[str] = field(default_factory=frozenset)
    coroutines: frozenset[str] = field(default_factory=frozenset)
    plain: frozenset[str] = field(default_factory=frozenset)
    properties: frozenset[str] = field(default_factory=frozenset)
    attributes: frozenset[str] = field(default_factory=frozenset)

    @property
    def all(self) -> frozenset[str]:
        called = self.futures | self.coroutines | self.plain
        return called | self.properties | self.attributes


_BASE_CURSOR = Members(
    futures=names("to_list"),
    coroutines=names("__aenter__ __aexit__ __anext__ close next"),
    plain=names("""
        __aiter__ __class_getitem__ __eq__ __repr__ batch_size each get_io_loop next_object
    """),
    properties=names("address alive cursor_id fetch_next session"),
    attributes=names("closed collection delegate started"),
)

_CURSOR = Members(
    futures=_BASE_CURSOR.futures | names("distinct explain"),
    coroutines=_BASE_CURSOR.coroutines,
    plain=_BASE_CURSOR.plain
    | names("""
        __copy__ __deepcopy__ add_option allow_disk_use clone collation comment hint limit max
        max_await_time_ms max_scan max_time_ms min remove_option rewind skip sort where
    """),
    properties=_BASE_CURSOR.properties,
    attributes=_BASE_CURSOR.attributes,
)

_COMMAND_CURSOR = Members(
    futures=_BASE_CURSOR.futures,
    coroutines=_BASE_CURSOR.coroutines | names("try_next"),
    plain=_BASE_CURSOR.plain,
    properties=_BASE_CURSOR.properties,
    attributes=_BASE_CURSOR.attributes,
)

_LATENT_CURSOR = Members(
    futures=_COMMAND_CURSOR.futures,
    coroutines=_COMMAND_CURSOR.coroutines,
    plain=_COMMAND_CURSOR.plain,
    properties=_COMMAND_CURSOR.properties,
    attributes=_COMMAND_CURSOR.attributes | names("args kwargs start"),
)

_CLIENT = Members(
    futures=names("bulk_write drop_database list_database_names server_info"),
    coroutines=names("list_databases start_session"),
    plain=names("""
        __class_getitem__ __eq__ __getattr__ __getitem__ __hash__ __repr__ close get_database
        get_default_database get_io_loop watch wrap
    """),
    properties=names("""
        HOST PORT address arbiters codec_options io_loop is_mongos is_primary nodes options
        primary read_concern read_preference secondaries topology_description write_concern
    """),
    attributes=names("delegate"),
)

_DATABASE = Members(
    futures=names("""
        command dereference drop_collection list_collection_names validate_collection
    """),
    coroutines=names("create_collection cursor_command list_collections"),
    plain=names("""
        __bool__ __call__ __class_getitem__ __eq__ __getattr__ __getitem__ __hash__ __repr__
        aggregate get_collection get_io_loop watch with_options wrap
    """),
    properties=names("codec_options name read_concern read_preference write_concern"),
    attributes=names("client delegate"),
)

_COLLECTION = Members(
    futures=names("""
        bulk_write count_documents create_index create_indexes create_search_index
        create_search_indexes delete_many delete_one distinct drop drop_index drop_indexes
        drop_search_index estimated_document_count find_one find_one_and_delete
        find_one_and_replace find_one_and_update index_information insert_many insert_one options
        rename replace_one update_many update_one update_search_index
    """),
    plain=names("""
        __bool__ __call__ __class_getitem__ __eq__ __getattr__ __getitem__ __hash__ __repr__
        aggregate aggregate_raw_batches find find_raw_batches get_io_loop list_indexes
        list_search_indexes watch with_options wrap
    """),
    properties=names("codec_options full_name name read_concern read_preference write_concern"),
    attributes=names("database delegate"),
)

_CHANGE_STREAM = Members(
    coroutines=names("__aenter__ __aexit__ __anext__ close next try_next"),
    plain=names("""
        __aiter__ __class_getitem__ __enter__ __eq__ __exit__ __repr__ get_io_loop
    """),
    properties=names("alive resume_token"),
    attributes=names("delegate"),
)

_SESSION = Members(
    futures=names("abort_transaction commit_transaction end_session"),
    coroutines=names("__aenter__ __aexit__ with_transaction"),
    plain=names("""
        __enter__ __eq__ __exit__ __repr__ advance_cluster_time advance_operation_time
        get_io_loop start_transaction
    """),
    properties=names("""
        client cluster_time has_ended in_transaction operation_time options session_id
    """),
    attributes=names("delegate"),
)

_ENCRYPTION = Members(
    futures=names("""
        add_key_alt_name close create_data_key decrypt delete_key encrypt encrypt_expression
        get_key get_key_by_alt_name remove_key_alt_name rewrap_many_data_key
    """),
    coroutines=names("__aenter__ __aexit__ create_encrypted_collection get_keys"),
    plain=names("__class_getitem__ __enter__ __eq__ __exit__ __repr__ get_io_loop"),
    properties=names("io_loop"),
    attributes=names("delegate"),
)

_BUCKET = Members(
    futures=names("""
        delete download_to_stream download_to_stream_by_name rename upload_from_stream
        upload_from_stream_with_id
    """),
    coroutines=names("open_download_stream open_download_stream_by_name"),
    plain=names("find get_io_loop open_upload_stream open_upload_stream_with_id wrap"),
    attributes=names("collection delegate io_loop"),
)

_GRID_IN = Members(
    futures=names("abort close set write writelines"),
    coroutines=names("__aenter__ __aexit__"),
    plain=names("__getattr__ get_io_loop read readable seekable writeable"),
    properties=names("_id chunk_size closed content_type filename length name upload_date"),
    attributes=names("delegate io_loop"),
)

_GRID_OUT = Members(
    futures=names("open read readchunk readline"),
    coroutines=names("__anext__ stream_to_handler"),
    plain=names("__aiter__ __getattr__ close get_io_loop readable seek seekable tell write"),
    properties=names("""
        _id aliases chunk_size content_type filename length metadata name upload_date
    """),
    attributes=names("delegate io_loop"),
)

MEMBERS = {
    "Client": _CLIENT,
    "Database": _DATABASE,
    "Collection": _COLLECTION,
    "Cursor": _CURSOR,
    "RawBatchCursor": _CURSOR,
    "CommandCursor": _COMMAND_CURSOR,
    "RawBatchCommandCursor": _COMMAND_CURSOR,
    "LatentCommandCursor": _LATENT_CURSOR,
    "ChangeStream": _CHANGE_STREAM,
    "ClientSession": _SESSION,
    "ClientEncryption": _ENCRYPTION,
    "GridFSBucket": _BUCKET,
    "GridIn": _GRID_IN,
    "GridOut": _GRID_OUT,
    "GridOutCursor": _CURSOR,
}

#: What `motor.core` had, and other packages use, if only in their annotations.
CORE = names("""
    AgnosticBase AgnosticBaseCursor AgnosticBaseProperties AgnosticChangeStream AgnosticClient
    AgnosticClientEncryption AgnosticClientSession AgnosticCollection AgnosticCommandCursor
    AgnosticCursor AgnosticDatabase AgnosticLatentCommandCursor AgnosticRawBatchCommandCursor
    AgnosticRawBatchCursor
""")

#: Exported by each front, with its prefix.
FRONT = names("""
    ChangeStream Client ClientEncryption ClientSession Collection CommandCursor Cursor Database
    GridFSBucket GridIn GridOut GridOutCursor
""")

#: What `motor.motor_gridfs` had.
GRIDFS = names("""
    AgnosticGridFSBucket AgnosticGridIn AgnosticGridOut AgnosticGridOutCursor MotorGridOutProperty
""")
