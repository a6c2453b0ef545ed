"""The catalog: opening and closing it. What it can do is in the modules of the nouns."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Self

from strongroom import _strongroom, sessions
from strongroom.activity import Activities
from strongroom.backups import Backups
from strongroom.categories import Categories
from strongroom.clients import Clients
from strongroom.files import Files
from strongroom.health import HealthCalls
from strongroom.keys import KeyCalls
from strongroom.migrations import Migrations
from strongroom.quotas import Quotas
from strongroom.record import Records
from strongroom.repair import Repairs
from strongroom.retention import Retention
from strongroom.search import Searches
from strongroom.sql import Sql
from strongroom.statistics import Figures
from strongroom.versions import Versions
from strongroom.words import Path


class Catalog(
    Clients,
    KeyCalls,
    Files,
    Records,
    Searches,
    Versions,
    Retention,
    Categories,
    Quotas,
    Activities,
    Figures,
    Backups,
    HealthCalls,
    Repairs,
    Migrations,
    Sql,
):
    """A catalog, open. All threads of a process may use it at the same time.

        with strongroom.Catalog("catalog.db", create=True) as catalog:
            catalog.add_client("laptop")

    After a fork the child opens one of its own: that of its parent raises `ForkedError` there.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        create: bool = False,
        migrate: bool = False,
        read_only: bool = False,
        storage_dir: Path | None = None,
        base_dir: Path | None = None,
        config_file: Path | None = None,
        pool_size: int | None = None,
        timeout: float | None = None,
        durability: Literal["full", "normal"] | None = None,
        direct: bool = False,
        backup: bool | None = None,
        validate: bool | None = None,
        block_dangerous: bool | None = None,
        master_key_file: Path | None = None,
    ) -> None:
        """Opens the database at `path`. What is None is taken from the environment, else from
        strongroom.conf, else it is the default.

        - `create`: make it where it is missing; without, that is `NotFoundError`.
        - `migrate`: upgrade an older one, with a backup; without, writing to one is `TooOldError`.
        - `read_only`: never write, not even a log beside it.
        - `storage_dir`: where stored files are.
        - `base_dir`: what that and the relative paths of stored files start at; None: the database's
          folder.
        - `pool_size`: connections that read, 1 to 1000.
        - `timeout`: seconds to wait for a connection or a lock, before `BusyError`.
        - `durability`: "full" (what is saved survives a power cut) or "normal" (it survives a crash
          of the program; a power cut may lose the last commits).
        - `direct`: no pool, but a connection for each call.
        - `backup`, `validate`: whether migrations make a backup and check the database.
        - `block_dangerous`: whether SQL that drops or empties tables of the catalog is refused.
        - `master_key_file`: the key ring that clients' AES keys are wrapped under.
        """
        self._raw = _strongroom.Catalog(
            path,
            config_file=config_file,
            storage_dir=storage_dir,
            base_dir=base_dir,
            pool_size=pool_size or 0,
            timeout=timeout or 0,
            durability=durability,
            read_only=read_only,
            create=create,
            migrate=migrate,
            direct=direct,
            backup=backup,
            validate=validate,
            block_dangerous=block_dangerous,
            master_key_file=master_key_file,
        )

    @property
    def path(self) -> str:
        """The database's absolute path."""
        return self._raw.path

    @property
    def schema_version(self) -> int:
        """The version of the database."""
        return self._raw.version()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._raw.closed

    def close(self) -> None:
        """Closes it, and ends iterations over it. Waits for calls of other threads; calls that come
        later raise `ClosedError`. A connection of this thread that is in a transaction is rolled
        back. Closing again does nothing."""
        sessions.end_here(self._raw)
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<Catalog, closed>" if self.closed else f"<Catalog {self.path!r}>"
