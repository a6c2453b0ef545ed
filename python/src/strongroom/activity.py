"""Activity: who did what, and what was transferred."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from strongroom import _strongroom
from strongroom.base import Base
from strongroom.errors import NotFoundError
from strongroom.rows import Row, moment, stream
from strongroom.words import AnyClient, When, first_instant


class Activity(Row):
    """Something that was done.

    type: "save", "delete", "quota_set", "backup" and so on
    timestamp: when, text as it is stored
    client_id: 16 bytes; None where it concerns the whole catalog
    client_name: None where it concerns the whole catalog
    deleted: whether the client is not there any more
    files: how many files; None where it concerns the whole catalog
    bytes: their sizes; the quota where it was set or cleared
    detail: of the whole catalog's what it is about, for people; else None
    """

    type: str
    timestamp: str
    client_id: bytes | None
    client_name: str | None
    deleted: bool
    files: int | None
    bytes: int
    detail: str | None

    @property
    def at(self) -> datetime.datetime | None:
        """`timestamp` as an aware datetime; None where it cannot be read."""
        return moment(self.timestamp)


class TransferDay(Row):
    """What was transferred on one day.

    date: the day in UTC, "2026-01-31"
    total_files: successful and failed ones
    total_bytes: the sizes of the successful ones
    successful_transfers: files that were added or changed
    failed_transfers: files that were refused or failed
    average_file_size: bytes
    peak_transfer_speed: bytes a second; 0 where none was told
    """

    date: str
    total_files: int
    total_bytes: int
    successful_transfers: int
    failed_transfers: int
    average_file_size: int
    peak_transfer_speed: int

    @property
    def day(self) -> datetime.date:
        """`date` as a date."""
        return datetime.date.fromisoformat(self.date)


class Activities(Base):
    """Who did what, and what was transferred."""

    def activity(
        self,
        client: AnyClient | None = None,
        *,
        type: str | None = None,
        since: When | None = None,
        limit: int | None = None,
    ) -> Iterator[Activity]:
        """What was done, newest first: by a client, which may be deleted, of a type, since a time.

        Raises `NotFoundError` for a client that neither is nor was there.
        """
        cursor = self._activities(client, type, first_instant(since), limit or 0)
        return stream(Activity, cursor)

    def _activities(
        self, client: AnyClient | None, type: str | None, since: int | None, limit: int
    ) -> _strongroom.Cursor:
        if isinstance(client, str):
            try:
                return self._raw.activity_list(None, client, type, since, limit)
            except NotFoundError:
                if len(client.replace("-", "")) != 32:
                    raise
                return self._raw.activity_list(client, None, type, since, limit)
        id = None if client is None else self._client(client)
        return self._raw.activity_list(id, None, type, since, limit)

    def report_failures(self, client: AnyClient, count: int = 1) -> None:
        """Counts transfers of a client that failed before a file could be saved."""
        self._raw.activity_failed(self._client(client), count)

    def cleanup_activity(self, before: When) -> int:
        """Removes activity of the days (UTC) that had ended before; returns how many rows went."""
        instant = first_instant(before)
        assert instant is not None
        return self._raw.activity_cleanup(instant)

    def transfers(self, days: int | None = None) -> Iterator[TransferDay]:
        """What was transferred on each of the last days, today the last of them, oldest first.

        None: on every day that something is known of, and no other.
        """
        return stream(TransferDay, self._raw.transfer_list(days or 0))
