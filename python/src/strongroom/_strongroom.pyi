"""The extension: libstrongroom, raw. Everybody but this package uses the package.

Rows are tuples whose order the *_FIELDS constants tell. Ids are bytes of 16 or hex digits, times
that are instants microseconds since 1970.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias, Union

_Row: TypeAlias = tuple[Any, ...]
_Text: TypeAlias = Union[str, bytes, PathLike[str], PathLike[bytes]]
_Id: TypeAlias = Union[bytes, str]
_Progress: TypeAlias = Callable[[int, int], object]
_Stage: TypeAlias = Callable[[str, int, int], object]
_Rules: TypeAlias = Sequence[tuple[str, str]]
_Values: TypeAlias = Sequence[object]

LIBRARY_VERSION: str
ENGINE_VERSION: str
STATUSES: list[str]
LOG_ERROR: int
LOG_WARNING: int
LOG_INFO: int
LOG_DEBUG: int

ACTIVITY_FIELDS: tuple[str, ...]
BACKED_UP_FIELDS: tuple[str, ...]
BACKUP_REPORT_FIELDS: tuple[str, ...]
CATEGORY_FIELDS: tuple[str, ...]
CLIENT_FIELDS: tuple[str, ...]
CLIENT_USAGE_FIELDS: tuple[str, ...]
ENTRY_FIELDS: tuple[str, ...]
EXPLANATION_FIELDS: tuple[str, ...]
FACET_FIELDS: tuple[str, ...]
FILE_FIELDS: tuple[str, ...]
FILE_SUMS_FIELDS: tuple[str, ...]
FINDING_FIELDS: tuple[str, ...]
HEALTH_FIELDS: tuple[str, ...]
KEEP_FIELDS: tuple[str, ...]
KEYS_DONE_FIELDS: tuple[str, ...]
KEYS_FIELDS: tuple[str, ...]
MASTER_KEY_FIELDS: tuple[str, ...]
METRIC_FIELDS: tuple[str, ...]
MIGRATION_FIELDS: tuple[str, ...]
MIGRATION_STATUS_FIELDS: tuple[str, ...]
OPTIMIZED_FIELDS: tuple[str, ...]
OPTIMIZE_NEEDS_FIELDS: tuple[str, ...]
OWN_MIGRATION_FIELDS: tuple[str, ...]
POLICY_FIELDS: tuple[str, ...]
POOL_FIELDS: tuple[str, ...]
POOL_HEALTH_FIELDS: tuple[str, ...]
PRUNED_FIELDS: tuple[str, ...]
QUOTA_FIELDS: tuple[str, ...]
RECORD_FIELDS: tuple[str, ...]
REPAIR_STEP_FIELDS: tuple[str, ...]
RESTORED_FIELDS: tuple[str, ...]
ROTATION_FIELDS: tuple[str, ...]
SALVAGED_FIELDS: tuple[str, ...]
SALVAGED_TABLE_FIELDS: tuple[str, ...]
SIZE_LIMITS_FIELDS: tuple[str, ...]
STATISTICS_FIELDS: tuple[str, ...]
TOTAL_FIELDS: tuple[str, ...]
TRANSFER_FIELDS: tuple[str, ...]
VERSION_FIELDS: tuple[str, ...]

def set_log(sink: Callable[[int, str, str], object] | None) -> None: ...

# backup.c
def backup_verify(
    options: dict[str, Any],
    path: _Text,
    key: _Text | None = None,
    full_check: bool = False,
    progress: _Stage | None = None,
) -> _Row: ...
def restore(
    options: dict[str, Any],
    path: _Text,
    key: _Text | None = None,
    full_check: bool = False,
    progress: _Stage | None = None,
) -> _Row: ...
def backup_rotate(
    options: dict[str, Any],
    folder: _Text | None,
    keep: Mapping[str, object],
    dry_run: bool = False,
) -> tuple[int, int, int, list[_Row]]: ...

# migrations.c
def migration_status(options: dict[str, Any]) -> _Row: ...

# health.c
def health_look(
    options: dict[str, Any], full: bool = False, progress: _Progress | None = None
) -> _Row: ...

# repair.c
def salvage(
    damaged: _Text,
    fresh: _Text,
    progress: _Progress | None = None,
    refused: Callable[[str, int, str], object] | None = None,
) -> _Row: ...

# words.c
def parse_when(text: str) -> tuple[int, bool]: ...
def parse_time(text: str) -> tuple[int, bool]: ...
def parse_size(text: str) -> int: ...
def parse_span(text: str) -> int: ...
def day_end(instant: int) -> int: ...
def format_time(instant: int) -> str: ...
def new_id() -> bytes: ...

class Cursor(Iterator[_Row]):
    def __iter__(self) -> Cursor: ...
    def __next__(self) -> _Row: ...
    def close(self) -> None: ...

class Catalog:
    def __init__(
        self,
        path: _Text | None = None,
        *,
        config_file: _Text | None = None,
        storage_dir: _Text | None = None,
        pool_size: int = 0,
        timeout: float = 0,
        durability: str | None = None,
        read_only: bool = False,
        create: bool = False,
        migrate: bool = False,
        direct: bool = False,
        backup: bool | None = None,
        validate: bool | None = None,
        block_dangerous: bool | None = None,
        base_dir: _Text | None = None,
        master_key_file: _Text | None = None,
    ) -> None: ...
    @property
    def path(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    def close(self) -> None: ...
    def version(self) -> int: ...

    # clients.c
    def client_save(self, clients: list[_Row]) -> tuple[int, int, int, int]: ...
    def client_by_id(self, id: _Id, keys: bool = True) -> _Row: ...
    def client_by_name(self, name: _Text, keys: bool = True) -> _Row: ...
    def client_update(
        self,
        id: _Id,
        name: _Text | None = None,
        public_key: _Text | None = None,
        aes_key: _Text | None = None,
        last_seen: _Text | None = None,
    ) -> None: ...
    def client_delete(self, id: _Id) -> int: ...
    def client_count(self) -> int: ...
    def client_list(self, counts: bool = False, keys: bool = True) -> Cursor: ...

    # files.c
    def file_save(
        self, files: list[_Row]
    ) -> tuple[int, int, int, int, list[tuple[str, bytes]], str | None]: ...
    def file_find(self, client: _Id, key: _Text) -> _Row: ...
    def file_by_id(self, id: _Id) -> _Row: ...
    def file_set_verified(
        self, client: _Id, key: _Text, verified: bool, crc: int | None = None
    ) -> None: ...
    def file_verify(self, client: _Id, key: _Text) -> None: ...
    def file_delete(self, client: _Id, key: _Text) -> None: ...
    def file_delete_stored(self, client: _Id, key: _Text) -> None: ...
    def file_list(self, client: _Id | None = None) -> Cursor: ...

    # statistics.c
    def statistics(self) -> _Row: ...
    def total_list(self, by: str) -> Cursor: ...
    def file_sums(self) -> tuple[int, int, int, int, int, int]: ...
    def client_usage_list(self, days: int = 30) -> Cursor: ...

    # metrics.c
    def metric_record(self, name: _Text, value: float) -> None: ...
    def metric_list(self, name: _Text, hours: int = 24) -> Cursor: ...
    def metric_cleanup(self, days: int) -> int: ...

    # health.c
    def health(
        self,
        *,
        full: bool = False,
        verify_files: bool = False,
        sample: float = 100.0,
        seed: int = 0,
        seconds: float = 2.0,
        progress: _Progress | None = None,
    ) -> _Row: ...
    def size_limits(self) -> _Row: ...
    def optimize(
        self, *, analyze_only: bool = False, progress: _Progress | None = None
    ) -> _Row: ...
    def optimize_needs(self) -> _Row: ...

    # pool.c
    def begin(
        self, owner: str | None = None, levels: list[str | None] = ..., name: str | None = None
    ) -> None: ...
    def commit(self, levels: list[str | None] = ...) -> None: ...
    def rollback(self, levels: list[str | None] = ...) -> None: ...
    def undo(self, levels: list[str | None]) -> None: ...
    def in_transaction(self) -> bool: ...
    def transaction_take(self, thread: int, cursors: int = 0) -> None: ...
    def lease(self, owner: str | None = None) -> Cursor: ...
    def pool_statistics(self) -> _Row: ...

    # sql.c
    def execute(self, sql: str, parameters: _Values = ()) -> tuple[int, int]: ...
    def execute_many(self, sql: str, rows: Sequence[_Values]) -> tuple[int, int]: ...
    def execute_more(self, sql: str, rows: Sequence[_Values]) -> tuple[int, int]: ...
    def execute_fetch(
        self, sql: str, parameters: _Values = ()
    ) -> tuple[int, int, tuple[str, ...], list[_Row]]: ...
    def describe(
        self, sql: str, lease: Cursor | None = None
    ) -> tuple[str, str | None, bool, tuple[str | None, ...], tuple[str, ...]]: ...
    def execute_script(self, sql: str) -> None: ...

    # select.c
    def query(self, sql: str, parameters: _Values = ()) -> tuple[tuple[str, ...], Cursor]: ...
    def select(
        self, sql: str, parameters: _Values = (), first: int = 0, lease: Cursor | None = None
    ) -> tuple[tuple[str, ...], list[_Row], Cursor | None]: ...
    def more(self, cursor: Cursor, count: int = 0) -> list[_Row]: ...
    def fetch(
        self, sql: str, parameters: _Values = (), limit: int = 0
    ) -> tuple[tuple[str, ...], list[_Row]]: ...

    # search.c
    def search(
        self,
        term: _Text | None = None,
        *,
        file_type: _Text | None = None,
        client_name: _Text | None = None,
        client_part: _Text | None = None,
        from_: int | None = None,
        to: int | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        verified_only: bool = False,
        present_only: bool = False,
        all_versions: bool = False,
        sort: str = "date",
        reverse: bool = False,
        limit: int = 0,
        after: str | None = None,
        matches: Sequence[tuple[str, bool, _Text]] = (),
        by: Sequence[str] = (),
    ) -> Cursor: ...
    def search_page(
        self,
        term: _Text | None = None,
        *,
        file_type: _Text | None = None,
        client_name: _Text | None = None,
        client_part: _Text | None = None,
        from_: int | None = None,
        to: int | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        verified_only: bool = False,
        present_only: bool = False,
        all_versions: bool = False,
        sort: str = "date",
        reverse: bool = False,
        limit: int = 1000,
        after: str | None = None,
        matches: Sequence[tuple[str, bool, _Text]] = (),
        by: Sequence[str] = (),
    ) -> tuple[list[_Row], str | None, _Row]: ...
    def search_count(
        self,
        term: _Text | None = None,
        *,
        file_type: _Text | None = None,
        client_name: _Text | None = None,
        client_part: _Text | None = None,
        from_: int | None = None,
        to: int | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        verified_only: bool = False,
        present_only: bool = False,
        all_versions: bool = False,
        sort: str = "date",
        reverse: bool = False,
        limit: int = 0,
        after: str | None = None,
        matches: Sequence[tuple[str, bool, _Text]] = (),
        by: Sequence[str] = (),
    ) -> tuple[int, int, list[_Row]]: ...

    # backup.c
    def backup(
        self,
        path: _Text | None = None,
        compress: bool = False,
        key: _Text | None = None,
        progress: _Stage | None = None,
    ) -> _Row: ...

    # migrations.c
    def migrate(
        self,
        to: int | None = None,
        *,
        accept_loss: bool = False,
        full_check: bool = False,
        up_only: bool = False,
        progress: _Progress | None = None,
    ) -> tuple[int, int, str | None]: ...
    def migrate_verify(
        self,
    ) -> tuple[int, list[tuple[str, str, str | None, str | None]]]: ...
    def migrate_own(
        self, version: int, description: str, up_sql: str, down_sql: str | None = None
    ) -> str | None: ...
    def migrate_own_down(self, version: int) -> str | None: ...

    # record.c
    def record(
        self,
        client: _Id,
        paths: Sequence[_Text],
        excludes: Sequence[_Text] = (),
        one_file_system: bool = False,
        reread: bool = False,
        threads: int = 0,
        progress: Callable[[_Row, int, int, float | None], object] | None = None,
        failure: Callable[[str, str], object] | None = None,
    ) -> _Row: ...

    # versions.c
    def version_list(self, client: _Id, key: _Text) -> Cursor: ...
    def version_find(self, client: _Id, key: _Text, number: int) -> _Row: ...
    def version_diff(
        self, client: _Id, key: _Text, a: int, b: int
    ) -> tuple[_Row, _Row, list[str]]: ...
    def version_activate(self, client: _Id, key: _Text, number: int) -> int: ...
    def version_pin(
        self, client: _Id, key: _Text, number: int | None = None, pin: bool = True
    ) -> int: ...

    # prune.c
    def policy_set(self, client: _Id, keep: Mapping[str, object]) -> None: ...
    def policy_clear(self, client: _Id) -> bool: ...
    def policy_get(self, client: _Id) -> _Row: ...
    def policy_list(self) -> Cursor: ...
    def prune(
        self,
        keep: Mapping[str, object] | None,
        clients: Sequence[_Id] = (),
        file: _Text | None = None,
        dry_run: bool = False,
        delete_stored: bool = False,
        each: Callable[[str, str, _Row, str], object] | None = None,
        progress: _Progress | None = None,
    ) -> _Row: ...

    # keys.c
    def keys_status(self) -> _Row: ...
    def keys_init(self, progress: _Stage | None = None) -> _Row: ...
    def keys_unwrap(self) -> int: ...
    def keys_check(self) -> tuple[int, list[_Row]]: ...

    # quotas.c
    def quota_set(
        self, client: _Id, bytes: int, warning_threshold: float | None = None
    ) -> _Row: ...
    def quota_clear(self, client: _Id) -> bool: ...
    def quota_get(self, client: _Id) -> _Row: ...
    def quota_list(self) -> Cursor: ...
    def quota_default_set(
        self, bytes: int | None, warning_threshold: float | None = None
    ) -> None: ...
    def quota_default(self) -> tuple[int | None, float | None]: ...
    def quota_enforce_set(self, enforce: bool) -> None: ...
    def quota_enforce(self) -> bool: ...

    # activity.c
    def activity_list(
        self,
        client: _Id | None = None,
        client_name: _Text | None = None,
        type: _Text | None = None,
        since: int | None = None,
        limit: int = 100,
    ) -> Cursor: ...
    def activity_failed(self, client: _Id, count: int) -> None: ...
    def activity_cleanup(self, before: int) -> int: ...
    def transfer_list(self, days: int = 0) -> Cursor: ...

    # categories.c
    def category_list(self, counts: bool = False) -> Cursor: ...
    def category_rules(self) -> list[tuple[str, str, str]]: ...
    def category_of(self, mime_type: _Text | None, extension: _Text | None) -> str: ...
    def category_add(
        self,
        name: _Text,
        description: _Text | None = None,
        path: _Text | None = None,
        color: _Text | None = None,
        rules: _Rules = (),
    ) -> None: ...
    def category_update(
        self,
        name: _Text,
        description: _Text | None = ...,
        path: _Text | None = ...,
        color: _Text | None = ...,
        add: _Rules = (),
        remove: _Rules = (),
    ) -> None: ...
    def category_delete(self, name: _Text, move_to: _Text | None = None) -> int: ...
    def category_assign(self, client: _Id, key: _Text, category: _Text) -> None: ...
    def category_classify(
        self,
        client: _Id | None = None,
        from_: _Text | None = None,
        dry_run: bool = False,
        progress: _Progress | None = None,
    ) -> tuple[int, int, list[_Row]]: ...

    # repair.c
    def repair(
        self, apply: bool = False, backup: bool = True, progress: _Progress | None = None
    ) -> tuple[list[_Row], str | None, str | None]: ...
    def search_index_build(
        self, anew: bool = False, progress: _Progress | None = None
    ) -> int: ...

    # folders.c
    def folder(self, client: _Id, folder: _Text = "", recursive: bool = False) -> Cursor: ...
