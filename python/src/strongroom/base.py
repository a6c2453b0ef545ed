"""What the parts of `Catalog` have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TypeAlias, Union

from strongroom import _strongroom
from strongroom.words import AnyClient, Path, client_id

Progress: TypeAlias = Callable[[int, int], object]
"""Called now and then with what is done and what there is in all (0: not known). A true result
stops the work, which then raises `InterruptedByCallerError`; an exception stops it, too."""

Stage: TypeAlias = Callable[[str, int, int], object]
"""The same for work in several steps: before the figures comes a word, such as "copying"."""

Paths: TypeAlias = Union[Path, Iterable[Path]]
"""One or more."""


def as_list(paths: Paths | None) -> list[Path]:
    """One or more paths or texts as a list; none for None."""
    if paths is None:
        return []
    if isinstance(paths, (str, bytes, os.PathLike)):
        return [paths]
    return list(paths)


class Base:
    """A part of `Catalog`: the calls about one noun."""

    _raw: _strongroom.Catalog

    def _client(self, client: AnyClient) -> bytes:
        return client_id(self._raw, client)
