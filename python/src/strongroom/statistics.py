"""Statistics: of the whole catalog, of files by what they are, of clients, of the pool."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Iterator
from typing import Literal, TypeAlias

from strongroom.base import Base
from strongroom.rows import Row, moment, stream

TotalBy: TypeAlias = Literal["category", "size", "day", "month", "recorded"]


class Statistics(Row):
    """The catalog in figures. A MB is 1048576 bytes, and so on.

    file_path: the database
    file_size_mb: its size
    connection_pool_enabled: whether it has a pool
    pool_size: connections of the pool
    directory: where stored files are
    stored_files: how many are there
    stored_size_mb: their sizes
    total_clients: clients
    clients_with_keys: those with a public key
    average_days_since_seen: days since they were seen; None where no time can be read
    total_files: files
    verified_files: those that are verified
    verification_rate: percent, 0 to 100
    average_file_size_mb: of files whose size is known, like what follows
    total_size_gb: all of them
    min_file_size_kb: the smallest
    max_file_size_mb: the largest
    indexes_count: indexes of the database
    indexes: their names
    """

    file_path: str
    file_size_mb: float
    connection_pool_enabled: bool
    pool_size: int
    directory: str
    stored_files: int
    stored_size_mb: float
    total_clients: int
    clients_with_keys: int
    average_days_since_seen: float | None
    total_files: int
    verified_files: int
    verification_rate: float
    average_file_size_mb: float
    total_size_gb: float
    min_file_size_kb: float
    max_file_size_mb: float
    indexes_count: int
    indexes: tuple[str, ...]


class Total(Row):
    """Files that have something in common.

    name: a category, a day, a month or a class of sizes; None for files without
    size_from: bytes of the smallest in a class of sizes; None for anything else
    size_below: bytes that no file of a class of sizes reaches; None for anything else
    files: how many
    bytes: their sizes
    verified_files: how many are verified; None by day, month and recorded
    """

    name: str | None
    size_from: int | None
    size_below: int | None
    files: int
    bytes: int
    verified_files: int | None


class Usage(Row):
    """What a client uses, and how that grew.

    id: 16 bytes
    name: the client's name
    last_seen: text as it is stored, or None
    files: how many files it has
    bytes: their sizes
    share_percent: of the bytes of all files; None where there are none
    last_activity: when it last did anything that is kept, text, or None
    growth_bytes: bytes more (less: negative) than then; None where nothing is known of it
    growth_since: the end of which day "then" is, text, or None
    """

    id: builtins.bytes
    name: str
    last_seen: str | None
    files: int
    bytes: int
    share_percent: float | None
    last_activity: str | None
    growth_bytes: int | None
    growth_since: str | None


class Pool(Row):
    """The connections of the catalog, at one moment.

    enabled: whether there is a pool
    size: connections that it may have: readers and the writer
    active: out with a caller
    available: could be had without waiting
    waiting: callers that wait now
    peak: most that were ever out at once
    created: connections that were opened so far
    closed: connections that were closed so far
    recycled: of those, for their age or because they were broken
    acquired: times that one was handed out
    waits: of those, after waiting
    timeouts: callers that gave up waiting
    leaks: held for longer than is good, each counted once
    oldest: seconds since the oldest open connection was made
    wait_p50: seconds that those waited who waited: half of them
    wait_p95: 95 of 100
    wait_p99: 99 of 100
    wait_max: all of them
    commits: durable commits
    operations: the writes that they carried
    checkpoints: times that the log was brought into the database
    log_bytes: size of the log
    """

    enabled: bool
    size: int
    active: int
    available: int
    waiting: int
    peak: int
    created: int
    closed: int
    recycled: int
    acquired: int
    waits: int
    timeouts: int
    leaks: int
    oldest: float
    wait_p50: float
    wait_p95: float
    wait_p99: float
    wait_max: float
    commits: int
    operations: int
    checkpoints: int
    log_bytes: int


class Metric(Row):
    """A value that a program has measured.

    timestamp: when, ISO 8601 in UTC
    value: the value
    """

    timestamp: str
    value: float

    @property
    def at(self) -> datetime.datetime | None:
        """`timestamp` as an aware datetime."""
        return moment(self.timestamp)


class Figures(Base):
    """Statistics and metrics."""

    def statistics(self) -> Statistics:
        """The catalog in figures, as it is at this moment."""
        return Statistics._make(self._raw.statistics())

    def totals(self, by: TotalBy = "category") -> Iterator[Total]:
        """Files and bytes by category, size, day or month of their date, or day they were recorded."""
        return stream(Total, self._raw.total_list(by))

    def usage(self, days: int = 30) -> Iterator[Usage]:
        """What every client uses, by name, and how that grew over the last days."""
        return stream(Usage, self._raw.client_usage_list(days))

    def pool(self) -> Pool:
        """The connections of the catalog, at this moment."""
        return Pool._make(self._raw.pool_statistics())

    def record_metric(self, name: str, value: float) -> None:
        """Keeps a value, a finite number, under a name of 1 to 100 bytes, as of now."""
        self._raw.metric_record(name, value)

    def metrics(self, name: str, hours: int = 24) -> Iterator[Metric]:
        """The values of a name since that many hours ago, oldest first."""
        return stream(Metric, self._raw.metric_list(name, hours))

    def cleanup_metrics(self, days: int = 7) -> int:
        """Removes values that are older than that many days; returns how many."""
        return self._raw.metric_cleanup(days)
