"""Rows: what every call of the package hands out.

A row is a named tuple: it cannot be changed, compares with other tuples, unpacks, pickles, and has
each field as an attribute. It is a mapping too, as far as reading goes, so that `row["name"]`,
`dict(row)` and `list(map(dict, rows))` work.
"""

from __future__ import annotations

import datetime
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, SupportsIndex, TypeVar, overload

from strongroom import _strongroom

if TYPE_CHECKING:
    from abc import ABCMeta as TupleType
    from typing import Self
else:
    TupleType = type

RowT = TypeVar("RowT", bound=tuple[Any, ...])


COPIED = ("__new__", "__getnewargs__", "__match_args__", "_fields", "_make", "_replace", "_asdict")
"""What of a named tuple is taken as it is."""


class RowType(TupleType):
    """Makes a named tuple of a class's annotations.

    A line `field: what it is` of the class's documentation becomes that of the field.
    """

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> RowType:
        fields = [field for field in body.get("__annotations__", {}) if not field.startswith("_")]
        for base in bases:
            fields = [*getattr(base, "_fields", ()), *fields]
        # Kept alive: the collector would empty what is only looked at.
        named = namedtuple(name, fields)  # type: ignore[misc]
        made = vars(named)
        body["__slots__"] = ()
        if fields:
            body |= {word: made[word] for word in [*COPIED, *fields]}
            body["_places"] = {field: place for place, field in enumerate(fields)}
            for field, words in field_words(body.get("__doc__") or ""):
                if field in fields:
                    body[field].__doc__ = words
        return super().__new__(mcs, name, bases, body)


def field_words(documentation: str) -> Iterator[tuple[str, str]]:
    """What a class's documentation says of its fields, line by line."""
    for line in documentation.splitlines():
        field, colon, words = line.strip().partition(": ")
        if colon and field.isidentifier():
            yield field, words


class Row(tuple[Any, ...], metaclass=RowType):
    """A named tuple that is a mapping, too."""

    _fields: ClassVar[tuple[str, ...]] = ()
    _places: ClassVar[dict[str, int]] = {}

    def keys(self) -> tuple[str, ...]:
        """The names of the fields."""
        return self._fields

    @overload
    def __getitem__(self, key: str) -> Any: ...

    @overload
    def __getitem__(self, key: SupportsIndex) -> Any: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[Any, ...]: ...

    def __getitem__(self, key: Any) -> Any:
        """A field by its name or its number."""
        return super().__getitem__(self._places[key] if isinstance(key, str) else key)

    def __repr__(self) -> str:
        shown = (f"{name}={self._shown(name)}" for name in self._fields)
        return f"{type(self).__name__}({', '.join(shown)})"

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        return f"bytes.fromhex('{value.hex()}')" if isinstance(value, bytes) else repr(value)

    if TYPE_CHECKING:

        @classmethod
        def _make(cls, iterable: Iterable[Any]) -> Self: ...

        def _replace(self, **fields: Any) -> Self: ...

        def _asdict(self) -> dict[str, Any]: ...


def maker(kind: type[RowT]) -> Callable[[Iterable[Any]], RowT]:
    """What makes rows of the kind from the extension's tuples, as fast as can be."""
    return partial(tuple.__new__, kind)


def stream(kind: type[RowT], cursor: _strongroom.Cursor) -> Iterator[RowT]:
    """The cursor's rows as they come, one in memory at a time."""
    try:
        yield from map(maker(kind), cursor)
    finally:
        cursor.close()


def moment(text: str | None) -> datetime.datetime | None:
    """The time that a text as it is stored says; None where it is none or cannot be read."""
    if text is None:
        return None
    try:
        return EPOCH + datetime.timedelta(microseconds=_strongroom.parse_time(text)[0])
    except (ValueError, OverflowError):
        return None


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
