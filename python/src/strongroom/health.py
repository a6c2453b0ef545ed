"""Health: what is wrong with the catalog; and making it compact."""

from __future__ import annotations

from typing import Any

from strongroom import _strongroom
from strongroom.base import Base, Progress
from strongroom.errors import Error
from strongroom.rows import Row, maker
from strongroom.words import Path


class Finding(Row):
    """One thing that a check-up has found.

    code: what kind it is, such as "usage_wrong"
    severity: "note", "warning" or "error"
    subject: what it is about, or None
    count: how many there are of it
    meaning: what it means, in words
    cure: what can be done, in words, or None
    """

    code: str
    severity: str
    subject: str | None
    count: int | None  # type: ignore[assignment]
    meaning: str
    cure: str | None


class SizeLimits(Row):
    """How large the database is. A MB is 1048576 bytes.

    size_mb: its size
    size_bytes: the same
    status: "ok", "warning", "critical" or "error"
    threshold_warning_mb: from where on it is a warning
    threshold_critical_mb: from where on it is critical
    message: for people
    """

    size_mb: float
    size_bytes: int
    status: str
    threshold_warning_mb: float
    threshold_critical_mb: float
    message: str


class PoolHealth(Row):
    """How the pool is.

    enabled: whether there is one
    pool_size: connections that it may have
    active_connections: out with a caller
    available_connections: could be had without waiting
    utilization_percent: how many of them are out
    health_score: 0 to 100
    exhaustion_events: callers that gave up waiting
    peak_active: most that were ever out at once
    warnings: in words
    recommendations: in words
    """

    enabled: bool
    pool_size: int
    active_connections: int
    available_connections: int
    utilization_percent: float
    health_score: float
    exhaustion_events: int
    peak_active: int
    warnings: tuple[str, ...]
    recommendations: tuple[str, ...]


class Health(Row):
    """What a check-up says.

    integrity_check: whether nothing is damaged, as far as was looked
    foreign_key_check: whether no row refers to nothing, likewise
    table_count: tables
    index_count: indexes
    connection_pool_healthy: whether the pool is well
    issues: errors and warnings in words, with their cure
    findings: errors first, then warnings, then notes: `Finding`s
    errors: how many findings are errors
    warnings: how many are warnings
    notes: how many are notes
    unseen: what a quick check-up did not look at
    opened: False where it could not even be opened
    full: whether everything was read
    schema_version: of the database
    latest_version: that there is
    engine: such as "SQLite 3.40.1"
    engine_at_risk: whether it has a flaw that matters here
    size: how large the database is
    free_bytes: of pages that hold nothing
    log_bytes: of the write-ahead log
    oldest_reader: seconds that this process has been reading; 0: nobody is
    other_readers: other processes that are reading now; None: not known
    pool: how the pool is
    stored_files: stored files that were read
    stored_failed: how many of them were not as recorded
    seed: what chose them
    """

    integrity_check: bool
    foreign_key_check: bool
    table_count: int
    index_count: int
    connection_pool_healthy: bool
    issues: tuple[str, ...]
    findings: list[Finding]
    errors: int
    warnings: int
    notes: int
    unseen: tuple[str, ...]
    opened: bool
    full: bool
    schema_version: int
    latest_version: int
    engine: str
    engine_at_risk: bool
    size: SizeLimits
    free_bytes: int
    log_bytes: int
    oldest_reader: float
    other_readers: int | None
    pool: PoolHealth
    stored_files: int
    stored_failed: int
    seed: int

    @property
    def healthy(self) -> bool:
        """Whether there is no error among the findings."""
        return self.errors == 0


class Optimized(Row):
    """What became of a database that was made compact. A MB is 1048576 bytes.

    search_index_built: whether the search index is in one piece
    vacuum_performed: whether free pages were given back
    analyze_performed: whether the engine looked at the values anew
    size_before_mb: the database's size
    size_after_mb: and after it
    space_saved_mb: what that saved
    size_before: bytes
    size_after: bytes
    errors: the steps that failed, and why
    """

    search_index_built: bool
    vacuum_performed: bool
    analyze_performed: bool
    size_before_mb: float
    size_after_mb: float
    space_saved_mb: float
    size_before: int
    size_after: int
    errors: tuple[str, ...]


class OptimizeNeeds(Row):
    """What making it compact will take, in bytes.

    size: of the database now
    compact: of the database afterwards, at most about
    needed: free space that it takes meanwhile in the database's folder
    available: what is free there
    """

    size: int
    compact: int
    needed: int
    available: int


def health_of(row: tuple[Any, ...]) -> Health:
    """A check-up as the extension tells it, with rows in it."""
    nested = {
        "findings": lambda findings: list(map(maker(Finding), findings)),
        "size": SizeLimits._make,
        "pool": PoolHealth._make,
    }
    health = Health._make(row)
    return health._replace(**{name: make(health[name]) for name, make in nested.items()})


def look_at_health(
    database: Path, *, full: bool = False, progress: Progress | None = None
) -> Health:
    """Looks for everything that is wrong with a catalog that is not open, and perhaps cannot be.

    Then a finding says why. It is only read. Raises `NotFoundError` where there is none.
    """
    return health_of(_strongroom.health_look({"path": database}, full, progress))


class HealthCalls(Base):
    """What is wrong with the catalog; and making it compact."""

    def health(
        self,
        *,
        full: bool = False,
        verify_files: bool = False,
        sample: float = 100.0,
        seed: int = 0,
        seconds: float = 2.0,
        progress: Progress | None = None,
    ) -> Health:
        """Looks for everything that is wrong; changes nothing. What is wrong is a finding, no error.

        Quick unless `full`: each part stops after `seconds`, and what was not seen is told.
        `verify_files` reads stored files, `sample` percent of them, and compares them with their
        records; the same `seed` chooses the same ones again.
        """
        row = self._raw.health(
            full=full,
            verify_files=verify_files,
            sample=sample,
            seed=seed,
            seconds=seconds,
            progress=progress,
        )
        return health_of(row)

    def size_limits(self) -> SizeLimits:
        """How large the database is, and whether that is much."""
        return SizeLimits._make(self._raw.size_limits())

    def optimize(
        self, *, analyze_only: bool = False, progress: Progress | None = None
    ) -> Optimized:
        """Makes the database compact and searches fast. Readers go on; writers wait meanwhile.

        `analyze_only` leaves the file as it is, and takes moments; else about 15 seconds a gigabyte.
        Raises `NoSpaceError` before it begins, where the disk has no room for it; any error it raises
        has what was done all the same as its `result`, and the catalog is whole.
        """
        try:
            return Optimized._make(
                self._raw.optimize(analyze_only=analyze_only, progress=progress)
            )
        except Error as error:
            if isinstance(done := getattr(error, "result", None), tuple):
                error.result = Optimized._make(done)  # type: ignore[attr-defined]
            raise

    def optimize_needs(self) -> OptimizeNeeds:
        """What `optimize` will take, in bytes."""
        return OptimizeNeeds._make(self._raw.optimize_needs())
