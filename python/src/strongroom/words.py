"""Sizes, times and clients, as callers may give them."""

from __future__ import annotations

import datetime
import os
import uuid
from typing import TYPE_CHECKING, TypeAlias, Union, overload

from strongroom import _strongroom
from strongroom.errors import InvalidError, NotFoundError
from strongroom.rows import EPOCH

if TYPE_CHECKING:
    from strongroom.clients import Client

Size: TypeAlias = Union[int, str]
"""Bytes, or "10M": with K, M, G, T or P, each 1024 times the one before."""

When: TypeAlias = Union[str, datetime.datetime, datetime.date, datetime.timedelta]
"""ISO 8601 text, which without a zone is UTC; an aware datetime; a date, which is a day in UTC; a
span before now, as a timedelta or as "90s", "15m", "12h", "7d", "4w"."""

Path: TypeAlias = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
"""A path or name. What is not UTF-8 is bytes, or a str with surrogate escapes as of os.fsdecode."""

AnyClient: TypeAlias = Union[str, bytes, uuid.UUID, "Client"]
"""A client by its name, by its id (16 bytes, 32 hex digits, a UUID), or a row of it."""

MICROSECOND = datetime.timedelta(microseconds=1)


@overload
def size_bytes(size: Size) -> int: ...


@overload
def size_bytes(size: Size | None) -> int | None: ...


def size_bytes(size: Size | None) -> int | None:
    """Bytes of a size."""
    return _strongroom.parse_size(size) if isinstance(size, str) else size


def instant(when: When | None) -> tuple[int | None, bool]:
    """Microseconds since 1970, and whether it is a whole day."""
    match when:
        case None:
            return None, False
        case str():
            return _strongroom.parse_when(when)
        case datetime.datetime():
            if when.tzinfo is None:
                raise InvalidError(
                    f"the time {when.isoformat()} has no zone: "
                    "give it one, such as tzinfo=datetime.timezone.utc"
                )
            return (when - EPOCH) // MICROSECOND, False
        case datetime.date():
            day = datetime.datetime.combine(when, datetime.time(), datetime.timezone.utc)
            return (day - EPOCH) // MICROSECOND, True
        case datetime.timedelta():
            now = datetime.datetime.now(datetime.timezone.utc)
            return (now - when - EPOCH) // MICROSECOND, False
    raise TypeError(f"a time is a text, datetime, date or timedelta, not {when!r}")


def first_instant(when: When | None) -> int | None:
    """Where a window begins."""
    return instant(when)[0]


def last_instant(when: When | None) -> int | None:
    """Where a window ends: a day with its last microsecond."""
    at, is_day = instant(when)
    return _strongroom.day_end(at) if at is not None and is_day else at


def time_text(when: When | None) -> str | None:
    """A time to be kept: text as it is given, anything else as ISO 8601 in UTC."""
    if when is None or isinstance(when, str):
        return when
    at, _ = instant(when)
    assert at is not None
    return when.isoformat() if type(when) is datetime.date else _strongroom.format_time(at)


def id_bytes(identity: bytes | str | uuid.UUID) -> bytes | str:
    """An id as the extension takes it."""
    return identity.bytes if isinstance(identity, uuid.UUID) else identity


def client_id(raw: _strongroom.Catalog, client: AnyClient) -> bytes:
    """The id of a client, which is looked up where it is given by name.

    A name goes before an id of the same 32 digits.
    """
    from strongroom.clients import Client

    match client:
        case bytes():
            return client
        case uuid.UUID():
            return client.bytes
        case Client():
            return client.id
        case str():
            return named_id(raw, client)
    raise TypeError(f"a client is given by its name or id, not as {client!r}")


def named_id(raw: _strongroom.Catalog, name: str) -> bytes:
    """The id of the client of this name, or of those hex digits."""
    try:
        return raw.client_by_name(name, False)[0]  # type: ignore[no-any-return]
    except NotFoundError as unknown:
        digits = name.replace("-", "")
        if len(digits) == 32:
            try:
                return raw.client_by_id(digits, False)[0]  # type: ignore[no-any-return]
            except (NotFoundError, InvalidError):
                pass
        raise unknown
