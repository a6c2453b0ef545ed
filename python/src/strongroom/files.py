"""Files: what clients have backed up."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from strongroom.base import Base
from strongroom.clients import Saved
from strongroom.errors import QuotaError
from strongroom.rows import Row, moment, stream
from strongroom.words import AnyClient, Path, Size, When, size_bytes, time_text

BATCH = 1000
"""Files that are saved in one transaction."""


class File(Row):
    """A file, as the catalog knows it.

    client_id: 16 bytes
    name: its name; what is not UTF-8 has surrogate escapes, as of os.fsdecode
    path: where its bytes are
    original_path: where it was on the client; None where it is known by name alone
    size: bytes, or None where not known
    date: when it was modified, text as it is stored, or None
    crc: what POSIX cksum prints, or None
    hash: SHA-256 in hex, or None
    verified: whether what is stored was compared with what is recorded
    category: what it is sorted into, or None
    mime_type: such as "text/plain", or None
    extension: without the dot, lower case, at most 10 bytes, or None
    transfer_duration: milliseconds, or None
    transfer_speed: bytes a second, or None
    compression_ratio: stored size by original size, or None
    modified_ns: nanoseconds since 1970, as the disk told it, or None
    inode: its number on the disk, or None
    stored: whether its bytes are kept at `path`; else it is only catalogued
    id: 16 bytes; None in databases of the old module
    client_name: None where there is no such client any more
    versions: how many versions it has, at least 1
    current_version: id of the current version, or None
    missing_since: when it was found gone from the client, text; None while it is there
    recorded_at: when this state was recorded, text, or None
    version: the number of an earlier state that a search has found; None: how it is now
    """

    client_id: bytes
    name: str
    path: str
    original_path: str | None
    size: int | None
    date: str | None
    crc: int | None
    hash: str | None
    verified: bool
    category: str | None
    mime_type: str | None
    extension: str | None
    transfer_duration: int | None
    transfer_speed: int | None
    compression_ratio: float | None
    modified_ns: int | None
    inode: int | None
    stored: bool
    id: bytes | None
    client_name: str | None
    versions: int
    current_version: int | None
    missing_since: str | None
    recorded_at: str | None
    version: int | None

    @property
    def key(self) -> str:
        """What names it among its client's files: its original path, else its name."""
        return self.original_path if self.original_path is not None else self.name

    @property
    def modified(self) -> datetime.datetime | None:
        """`date` as an aware datetime; None where it is not known or cannot be read."""
        return moment(self.date)

    @property
    def recorded(self) -> datetime.datetime | None:
        """`recorded_at` as an aware datetime; None where it is not known."""
        return moment(self.recorded_at)

    @property
    def missing(self) -> bool:
        """Whether the last record found it gone from the client."""
        return self.missing_since is not None


SETTABLE = File._fields[1 : File._fields.index("stored") + 1]
"""What of a file can be saved, in the extension's order."""


class SavedFile(Row):
    """What became of a file that was saved.

    outcome: "added", "changed" (it has a new version) or "unchanged"
    id: 16 bytes
    """

    outcome: str
    id: bytes


class Entry(Row):
    """A line of a folder: a file in it, or a folder below it with all that it holds.

    name: below the folder that was asked for
    is_folder: whether it is a folder
    files: how many files are in it, at any depth; 1 for a file
    bytes: their sizes
    newest: the newest date of them, text, or None
    file: the file; None for a folder
    """

    name: str
    is_folder: bool
    files: int
    bytes: int
    newest: str | None
    file: File | None

    @property
    def modified(self) -> datetime.datetime | None:
        """`newest` as an aware datetime; None where it is not known or cannot be read."""
        return moment(self.newest)


def file_tuple(client: bytes, given: Mapping[str, Any]) -> tuple[Any, ...]:
    """A file for the extension. Raises `TypeError` for what no file has."""
    if unknown := [word for word in given if word not in SETTABLE]:
        raise TypeError(f"a file has no {unknown[0]!r} that could be saved: {', '.join(SETTABLE)}")
    values: dict[str, Any] = {"verified": False, "stored": True, **given}
    values["size"] = size_bytes(values.get("size"))
    values["date"] = time_text(values.get("date"))
    return (client, *map(values.get, SETTABLE))


def settable(file: File | Mapping[str, Any]) -> Mapping[str, Any]:
    """What of it can be saved: of a row not what the catalog alone knows."""
    if isinstance(file, File):
        return dict(zip(SETTABLE, file[1:], strict=False))
    return file


class Files(Base):
    """Files. `path` is a file's original path or, of one without, its name; where several files
    have the name, the newest of them is meant. Where there is none, `NotFoundError` is raised."""

    def files(self, client: AnyClient | None = None) -> Iterator[File]:
        """Every file, or the client's, in the order in which they were recorded.

        Rows come as they are read: memory does not grow with their number. What is not read to its
        end holds one of the catalog's readers until it is closed; after a minute the log warns of it.
        """
        id = None if client is None else self._client(client)
        return stream(File, self._raw.file_list(id))

    def file(self, client: AnyClient, path: Path) -> File:
        """One file of the client."""
        return File._make(self._raw.file_find(self._client(client), path))

    def file_by_id(self, id: bytes | str) -> File:
        """One file by its id: 16 bytes, or hex digits."""
        return File._make(self._raw.file_by_id(id))

    def save_file(
        self,
        client: AnyClient,
        name: Path | None = None,
        *,
        original_path: Path | None = None,
        path: Path | None = None,
        size: Size | None = None,
        date: When | None = None,
        crc: int | None = None,
        hash: str | None = None,
        verified: bool = False,
        category: str | None = None,
        mime_type: str | None = None,
        extension: str | None = None,
        transfer_duration: int | None = None,
        transfer_speed: int | None = None,
        compression_ratio: float | None = None,
        modified_ns: int | None = None,
        inode: int | None = None,
        stored: bool = True,
    ) -> SavedFile:
        """Saves one file; the fields are those of `File`.

        It is known by its original path or, without one, by its name. Other content than it had
        gives it a new version; the same content only updates it. Raises `QuotaError` where it does
        not fit in the client's quota, `NotFoundError` without such a client.
        """
        given = {word: value for word, value in locals().items() if word in SETTABLE}
        result = self._raw.file_save([file_tuple(self._client(client), given)])
        if result[5] is not None:
            raise QuotaError(result[5])
        return SavedFile._make(result[4][0])

    def save_files(
        self, client: AnyClient, files: Iterable[File | Mapping[str, Any]]
    ) -> Saved:
        """Saves many files of a client, each a `File` or a mapping of what `save_file` takes.

        They are taken as they come, and saved a thousand at a time, each thousand all or none; inside
        `transaction()` it is all or none of them. What does not fit in the quota is left out and
        counted as refused.
        """
        id = self._client(client)
        rows = (file_tuple(id, settable(file)) for file in files)
        total = [0, 0, 0, 0]
        while batch := list(islice(rows, BATCH)):
            saved = self._raw.file_save(batch)[:4]
            total = [a + b for a, b in zip(total, saved, strict=True)]
        return Saved._make(total)

    def set_verified(
        self, client: AnyClient, path: Path, verified: bool = True, *, crc: int | None = None
    ) -> None:
        """Says whether a file is verified, and sets its CRC where that is given."""
        self._raw.file_set_verified(self._client(client), path, verified, crc)

    def verify_file(self, client: AnyClient, path: Path) -> None:
        """Reads what is stored, compares it with what is recorded, and marks the file as verified.

        Otherwise it takes the mark away and raises: `CorruptError` where they differ, `NotFoundError`
        where nothing is there. `InvalidError`: the file is only catalogued.
        """
        self._raw.file_verify(self._client(client), path)

    def delete_file(self, client: AnyClient, path: Path, *, stored: bool = False) -> None:
        """Deletes the record of a file and its versions; with `stored` its stored bytes too.

        Stored bytes outside the storage folder are never touched: `RefusedError`.
        """
        delete = self._raw.file_delete_stored if stored else self._raw.file_delete
        delete(self._client(client), path)

    def folder(
        self, client: AnyClient, path: Path = "", *, recursive: bool = False
    ) -> Iterator[Entry]:
        """A client's files like a tree: what a folder ("" is the root) holds, by name.

        With `recursive` every file below it. Raises `NotFoundError` where nothing is below it.
        """
        for row in stream(RawEntry, self._raw.folder(self._client(client), path, recursive)):
            file = row.file
            yield Entry._make((*row[:5], None if file is None else File._make(file)))


class RawEntry(Row):
    """An entry as the extension has it."""

    name: str
    is_folder: bool
    files: int
    bytes: int
    newest: str | None
    file: builtins.tuple[Any, ...] | None
