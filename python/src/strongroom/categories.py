"""Categories: what files are sorted into."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from strongroom.base import Base, Progress
from strongroom.rows import Row, maker, stream
from strongroom.words import AnyClient, Path


class Unset(enum.Enum):
    """What is not given, where None means something."""

    UNSET = enum.auto()

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset.UNSET


class Category(Row):
    """A category.

    name: 1 to 50 bytes of UTF-8 without control characters
    description: for people, or None
    path: a hint for where such files are stored, or None
    color: "#rrggbb"
    known: False for a name that files have and no category
    rules: how many rules lead to it
    files: how many files are in it; None unless counted
    bytes: their sizes; None unless counted
    """

    name: str
    description: str | None
    path: str | None
    color: str | None
    known: bool
    rules: int
    files: int | None
    bytes: int | None


class Rule(Row):
    """A rule: files of which category.

    category: the category that they get
    kind: "mime" or "extension"
    pattern: a type, the beginning of one ("video/"), or an extension without its dot
    """

    category: str
    kind: str
    pattern: str


class Move(Row):
    """Files that went, or would go, from one category to another.

    from_category: where they were; None for none
    to_category: where they are
    files: how many
    bytes: their sizes
    """

    from_category: str | None
    to_category: str
    files: int
    bytes: int


class Classified(Row):
    """What classifying did, or would do.

    looked: how many files were looked at
    changed: how many got another category
    moves: from where to where, a list of `Move`
    """

    looked: int
    changed: int
    moves: list[Move]


def rules_of(mime: Iterable[str], extensions: Iterable[str]) -> list[tuple[str, str]]:
    """Rules as the extension takes them."""
    return [("mime", text) for text in mime] + [("extension", text) for text in extensions]


class Categories(Base):
    """Categories of files. "document" and "other" are always there."""

    def categories(self, *, counts: bool = False) -> Iterator[Category]:
        """Every category by name; with `counts` also names that only files have, and how many files
        are in each, for which all files are read once."""
        return stream(Category, self._raw.category_list(counts))

    def category_rules(self) -> list[Rule]:
        """All rules, by category."""
        return list(map(maker(Rule), self._raw.category_rules()))

    def category_for(self, mime_type: str | None = None, extension: str | None = None) -> str:
        """The category that the rules give a file of this type and extension."""
        return self._raw.category_of(mime_type, extension)

    def add_category(
        self,
        name: str,
        *,
        description: str | None = None,
        path: str | None = None,
        color: str | None = None,
        mime: Iterable[str] = (),
        extensions: Iterable[str] = (),
    ) -> None:
        """Adds a category, and rules that lead to it by type ("video/") and extension.

        Raises `ExistsError` where there is one of that name, or a rule leads elsewhere.
        """
        rules = rules_of(mime, extensions)
        self._raw.category_add(name, description, path, color, rules)

    def update_category(
        self,
        name: str,
        *,
        description: str | None | Literal[Unset.UNSET] = UNSET,
        path: str | None | Literal[Unset.UNSET] = UNSET,
        color: str | None | Literal[Unset.UNSET] = UNSET,
        add_mime: Iterable[str] = (),
        add_extensions: Iterable[str] = (),
        remove_mime: Iterable[str] = (),
        remove_extensions: Iterable[str] = (),
    ) -> None:
        """Changes what is given (None clears it), and adds and removes rules, all or none."""
        given: dict[str, Any] = {"description": description, "path": path, "color": color}
        self._raw.category_update(
            name,
            **{word: value for word, value in given.items() if value is not UNSET},
            add=rules_of(add_mime, add_extensions),
            remove=rules_of(remove_mime, remove_extensions),
        )

    def delete_category(self, name: str, *, move_to: str | None = None) -> int:
        """Deletes a category; its files and rules get the other one. Returns how many files did.

        Raises `RefusedError` where files have it and no other one is given, and for "document" and
        "other".
        """
        return self._raw.category_delete(name, move_to)

    def assign_category(self, client: AnyClient, path: Path, category: str) -> None:
        """Gives one file this category, which must exist."""
        self._raw.category_assign(self._client(client), path, category)

    def classify(
        self,
        *,
        client: AnyClient | None = None,
        category: str | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Classified:
        """Applies the rules to the files that are there: all, a client's, those of one category.

        `dry_run` changes nothing. Where it is stopped, the files so far are done.
        """
        id = None if client is None else self._client(client)
        looked, changed, moves = self._raw.category_classify(id, category, dry_run, progress)
        return Classified._make((looked, changed, list(map(Move._make, moves))))
