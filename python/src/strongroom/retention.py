"""Retention: which versions are kept, and which go."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator
from typing import Any

from strongroom.base import Base, Progress
from strongroom.rows import Row, moment
from strongroom.versions import Version
from strongroom.words import AnyClient, Path



@dataclasses.dataclass(frozen=True, kw_only=True)
class Keep:
    """Rules of what is kept. What any of them keeps is kept.

    Each goes from the newest to the oldest. `last` keeps so many; `daily` the newest of each day,
    for so many days that have any; `weekly`, `monthly` and `yearly` likewise; `within` what is at
    most that much older than the newest: text such as "2y5m7d3h" (years, months, weeks, days,
    hours), or seconds where it was read from the catalog. "unlimited" keeps all that a rule can
    keep. Days are those of the local time zone.
    """

    last: int | str | None = None
    daily: int | str | None = None
    weekly: int | str | None = None
    monthly: int | str | None = None
    yearly: int | str | None = None
    within: str | datetime.timedelta | None = None

    def rules(self) -> dict[str, str]:
        """The rules that are set, in words."""
        words = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, datetime.timedelta):
                value = hours(value)
            if value is not None:
                words[field.name] = str(value)
        return words

    @classmethod
    def of_row(cls, row: tuple[int | None, ...]) -> Keep:
        """Rules as the extension tells them: -1 is unlimited, within are seconds."""
        given: dict[str, Any] = {}
        for field, number in zip(dataclasses.fields(cls), row, strict=True):
            if number is None or number < 0:
                given[field.name] = None if number is None else "unlimited"
            elif field.name == "within":
                given[field.name] = datetime.timedelta(seconds=number)
            else:
                given[field.name] = number
        return cls(**given)


def hours(span: datetime.timedelta) -> str:
    """A span as a rule has it."""
    whole, rest = divmod(span, datetime.timedelta(hours=1))
    if rest:
        raise ValueError(f"within counts whole hours, which {span} is not")
    return f"{whole}h"


class Policy(Row):
    """A client's own rules.

    client_id: 16 bytes
    client_name: the client's name
    keep: the rules
    updated: when they were set, text
    """

    client_id: bytes
    client_name: str
    keep: Keep
    updated: str

    @property
    def updated_at(self) -> datetime.datetime | None:
        """`updated` as an aware datetime; None where it cannot be read."""
        return moment(self.updated)


class PrunedVersion(Row):
    """A version that was looked at.

    client_name: whose file it is of
    path: the file's original path, or its name
    version: the version
    kept: why it stays, in words, such as "last, pinned"; "" when it goes
    """

    client_name: str
    path: str
    version: Version
    kept: str


class Pruned(Row):
    """What pruning did, or would do.

    clients: how many were looked at
    files: how many files with more than one version
    kept: versions of those that stay
    pruned: versions that went, or would go
    bytes: the sizes of these
    stored_files: stored files that were deleted
    stored_bytes: what they took
    stored_failed: stored files that could not be deleted; the log says which
    """

    clients: int
    files: int
    kept: int
    pruned: int
    bytes: int
    stored_files: int
    stored_bytes: int
    stored_failed: int


class Retention(Base):
    """Retention: which versions are kept, and which go."""

    def prune(
        self,
        keep: Keep,
        *,
        client: AnyClient | None = None,
        path: Path | None = None,
        dry_run: bool = False,
        delete_stored: bool = False,
        each: Callable[[PrunedVersion], object] | None = None,
        progress: Progress | None = None,
    ) -> Pruned:
        """Deletes the versions that no rule keeps, of all clients, one client, or one of its files.

        Current and pinned versions always stay, and so do those whose time cannot be read. With
        `delete_stored` stored bytes go that nothing refers to any more. `dry_run` changes nothing.
        `each` is called for every version that is looked at; a true result of it or of `progress`
        stops: the files so far are done then. Raises `InvalidError` without any rule.
        """
        clients = [] if client is None else [self._client(client)]
        return self._prune(keep, clients, path, dry_run, delete_stored, each, progress)

    def prune_by_policy(
        self,
        *,
        client: AnyClient | None = None,
        dry_run: bool = False,
        delete_stored: bool = False,
        each: Callable[[PrunedVersion], object] | None = None,
        progress: Progress | None = None,
    ) -> Pruned:
        """The same by the clients' own rules. Raises `NotFoundError` where nobody has any."""
        clients = [] if client is None else [self._client(client)]
        return self._prune(None, clients, None, dry_run, delete_stored, each, progress)

    def _prune(
        self,
        keep: Keep | None,
        clients: list[bytes],
        path: Path | None,
        dry_run: bool,
        delete_stored: bool,
        each: Callable[[PrunedVersion], object] | None,
        progress: Progress | None,
    ) -> Pruned:
        def tell(name: str, file: str, version: tuple[object, ...], kept: str) -> object:
            assert each is not None
            return each(PrunedVersion._make((name, file, Version._make(version), kept)))

        row = self._raw.prune(
            None if keep is None else keep.rules(),
            clients,
            path,
            dry_run,
            delete_stored,
            None if each is None else tell,
            progress,
        )
        return Pruned._make(row)

    def policies(self) -> Iterator[Policy]:
        """Every client's own rules, by the client's name."""
        for id, name, keep, updated in self._raw.policy_list():
            yield Policy._make((id, name, Keep.of_row(keep), updated))

    def policy(self, client: AnyClient) -> Policy:
        """A client's own rules. Raises `NotFoundError` where it has none."""
        id, name, keep, updated = self._raw.policy_get(self._client(client))
        return Policy._make((id, name, Keep.of_row(keep), updated))

    def set_policy(self, client: AnyClient, keep: Keep) -> None:
        """Gives a client rules of its own, in place of those that it has."""
        self._raw.policy_set(self._client(client), keep.rules())

    def clear_policy(self, client: AnyClient) -> bool:
        """Takes a client's own rules away. Whether it had any."""
        return self._raw.policy_clear(self._client(client))
