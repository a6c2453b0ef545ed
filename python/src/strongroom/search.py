"""Searching."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, cast

from strongroom import _strongroom
from strongroom.base import Base, Paths, as_list
from strongroom.clients import Client
from strongroom.files import File
from strongroom.rows import Row, maker, stream
from strongroom.words import AnyClient, Size, When, first_instant, last_instant, size_bytes

Sort: TypeAlias = Literal["date", "name", "path", "size"]
FacetName: TypeAlias = Literal["client", "type", "category", "month", "size"]


class Found(Row):
    """How much a search finds.

    files: how many
    bytes: their sizes; one that is not known counts as 0
    """

    files: int
    bytes: int


class Facet(Row):
    """How many of what a search finds have one value.

    facet: "client", "type", "category", "month" or "size"
    value: the value; None where there is none, and last then
    rest: whether this is what found no room, together, where there are very many values
    files: how many
    bytes: their sizes
    """

    facet: str
    value: str | None
    rest: bool
    files: int
    bytes: int


class Explanation(Row):
    """How a search went about it.

    choice: what rows were narrowed by: "client index", "scan" for nothing, and so on
    estimated: rows that it was expected to leave; None where there was nothing to choose from
    candidates: rows that it left
    rechecked: rows that were read and compared
    hits: rows that matched
    planning: seconds until the first row could be read
    matching: seconds until the page was known
    fetching: seconds for its rows
    """

    choice: str
    estimated: int | None
    candidates: int
    rechecked: int
    hits: int
    planning: float
    matching: float
    fetching: float


class Page(Row):
    """One page of a search.

    files: the rows, a list
    after: where the next page begins, for `page`; None when there is no more
    explanation: how it was searched
    """

    files: list[File]
    after: str | None
    explanation: Explanation


class Search(Iterator[File]):
    """A search: an iterator over the files that it finds, which also counts them.

    Nothing is read before the first row is asked for. Rows come as they are read: memory does not
    grow with their number. What is not read to its end holds one of the catalog's readers until it is
    closed or dropped.
    """

    def __init__(self, raw: _strongroom.Catalog, query: dict[str, Any]) -> None:
        self._raw = raw
        self._query = query
        self._rows: Iterator[File] | None = None

    def __iter__(self) -> Search:
        return self

    def __next__(self) -> File:
        if self._rows is None:
            self._rows = stream(File, self._raw.search(**self._query))
        return next(self._rows)

    def close(self) -> None:
        """Ends it: there are no more rows."""
        rows, self._rows = self._rows, iter(())
        if rows is not None and hasattr(rows, "close"):
            rows.close()

    def page(self, limit: int = 1000, after: str | None = None) -> Page:
        """At most `limit` (0: all) of the files, in a list, from the beginning or after a page.

        No file comes twice and none is left out that was there throughout. Raises `InvalidError` for
        an `after` that is not of a page of this search.
        """
        query: dict[str, Any] = self._query | {"limit": limit}
        if after is not None:
            query["after"] = after
        rows, token, explanation = self._raw.search_page(**query)
        return Page._make(
            (list(map(maker(File), rows)), token, Explanation._make(explanation))
        )

    def count(self) -> Found:
        """How many files there are, limit or not, and their bytes, without reading them whole."""
        return Found._make(self._raw.search_count(**self._query)[:2])

    def facets(self, *by: FacetName) -> list[Facet]:
        """How many of them there are by client, type, category, month ("2026-01", UTC) and size.

        In one pass. Most files first; months with the newest, sizes with the smallest.
        """
        return list(map(Facet._make, self._raw.search_count(**self._query, by=by)[2]))


class Searches(Base):
    """Searching."""

    def search(
        self,
        term: Paths | None = None,
        *,
        type: str | None = None,
        client: AnyClient | None = None,
        client_part: str | None = None,
        glob: Paths | None = None,
        name: Paths | None = None,
        path: Paths | None = None,
        hash: Paths | None = None,
        not_term: Paths | None = None,
        not_glob: Paths | None = None,
        not_name: Paths | None = None,
        not_path: Paths | None = None,
        not_hash: Paths | None = None,
        from_: When | None = None,
        to: When | None = None,
        min_size: Size | None = None,
        max_size: Size | None = None,
        verified: bool = False,
        present: bool = False,
        all_versions: bool = False,
        sort: Sort = "date",
        reverse: bool = False,
        limit: int | None = None,
        after: str | None = None,
    ) -> Search:
        """Files that match everything that is given, newest first. The case of letters never matters.

        - `term`: is in the name or in a path; no character is special.
        - `type`: the extension, with or without its dot.
        - `client`: of this client; `client_part`: of those whose name holds this.
        - `glob`: the name matches a pattern such as "*.tar.gz"; with a slash in it, the end of the
          path does: "photos/**/img_*.jpg".
        - `name`: is the name; `path`: a path begins with it; `hash`: the hash begins with it.
        - `not_term` and so on: what those would find is left out.
        - `from_`, `to`: modified in this window, both ends included; a day means all of it.
        - `min_size`, `max_size`: bytes or "10M", included.
        - `verified`: only verified files; `present`: not those that are gone from the client.
        - `all_versions`: earlier versions too, each by its own path, size and date.
        - `sort`: "date" (newest first), "name", "path" or "size" (largest first); `reverse` turns
          it round.
        - `limit`: at most so many, None or 0 for all; `after`: go on behind a page, see `Search.page`.

        Of `term` to `not_hash` each may be a list, of which all must hold. Raises `NotFoundError` for a
        client that there is not, `InvalidError` for a size, time or text that cannot be understood.
        """
        conditions = {
            "term": (term, not_term),
            "glob": (glob, not_glob),
            "name": (name, not_name),
            "path": (path, not_path),
            "hash": (hash, not_hash),
        }
        query: dict[str, Any] = {
            "matches": [
                (kind, negated, text)
                for kind, both in conditions.items()
                for negated, texts in enumerate(both)
                for text in as_list(texts)
                if text or kind != "term"
            ],
            "file_type": type,
            "client_name": None if client is None else self._client_name(client),
            "client_part": client_part,
            "from_": first_instant(from_),
            "to": last_instant(to),
            "min_size": size_bytes(min_size),
            "max_size": size_bytes(max_size),
            "verified_only": verified,
            "present_only": present,
            "all_versions": all_versions,
            "sort": sort,
            "reverse": reverse,
            "limit": limit or 0,
            "after": after,
        }
        return Search(self._raw, query)

    def _client_name(self, client: AnyClient) -> str:
        if isinstance(client, Client):
            return client.name
        return cast(str, self._raw.client_by_id(self._client(client), False)[1])
