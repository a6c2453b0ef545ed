"""Versions: what files were before."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from strongroom.base import Base
from strongroom.rows import Row, moment, stream
from strongroom.words import AnyClient, Path


class Version(Row):
    """A version of a file.

    id: None for a file that never changed
    number: from 1
    path: where its bytes are
    size: bytes, or None
    date: when it was modified, text as it is stored, or None
    crc: what POSIX cksum prints, or None
    hash: SHA-256 in hex, or None
    created: when it was recorded, text, or None
    active: whether the file is in this state now
    parent: the id of the version that it came from, or None
    pinned: whether it is never pruned
    """

    id: int | None
    number: int
    path: str
    size: int | None
    date: str | None
    crc: int | None
    hash: str | None
    created: str | None
    active: bool
    parent: int | None
    pinned: bool

    @property
    def modified(self) -> datetime.datetime | None:
        """`date` as an aware datetime; None where it is not known or cannot be read."""
        return moment(self.date)

    @property
    def created_at(self) -> datetime.datetime | None:
        """`created` as an aware datetime; None where it is not known or cannot be read."""
        return moment(self.created)


class VersionDiff(Row):
    """In what two versions differ.

    a: the one version
    b: the other one
    fields: the names of the fields that differ; two spellings of one time do not
    """

    a: Version
    b: Version
    fields: list[str]


class Versions(Base):
    """Versions of files. `path` is a file's original path or, of one without, its name. Where there
    is no such file or version, `NotFoundError` is raised."""

    def history(self, client: AnyClient, path: Path) -> Iterator[Version]:
        """Every version of a file, the oldest first. One that never changed has one."""
        return stream(Version, self._raw.version_list(self._client(client), path))

    def version(self, client: AnyClient, path: Path, number: int) -> Version:
        """One version of a file."""
        return Version._make(self._raw.version_find(self._client(client), path, number))

    def diff_versions(self, client: AnyClient, path: Path, a: int, b: int) -> VersionDiff:
        """In what two versions of a file differ."""
        one, other, fields = self._raw.version_diff(self._client(client), path, a, b)
        return VersionDiff._make((Version._make(one), Version._make(other), fields))

    def activate_version(self, client: AnyClient, path: Path, number: int) -> int:
        """Makes what a file was its present state, as a new version, whose number is returned.

        Stored bytes are not touched. Raises `InvalidError` where it is the present state already,
        `QuotaError` where the client's quota has no room for it.
        """
        return self._raw.version_activate(self._client(client), path, number)

    def pin_version(self, client: AnyClient, path: Path, number: int | None = None) -> int:
        """Keeps a version, None for the current one, from being pruned; returns its number."""
        return self._raw.version_pin(self._client(client), path, number, True)

    def unpin_version(self, client: AnyClient, path: Path, number: int | None = None) -> int:
        """Lets a version, None for the current one, be pruned again; returns its number."""
        return self._raw.version_pin(self._client(client), path, number, False)
