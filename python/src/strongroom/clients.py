"""Clients: whose files the catalog knows."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from strongroom import _strongroom
from strongroom.base import Base
from strongroom.rows import Row, moment, stream
from strongroom.words import AnyClient, When, time_text


class Client(Row):
    """A client.

    id: 16 bytes
    name: 1 to 255 bytes of UTF-8 without control characters; no two clients share one
    public_key: bytes as they were given, or None
    aes_key: bytes, unwrapped, or None; None where it was not asked for; never shown by repr
    last_seen: when it was seen last, text as it is stored, or None
    files: how many files it has; None where they were not counted
    bytes: the sizes of its files; None where they were not counted
    last_recorded: when the newest of its files was saved, text; None where not counted or known
    """

    id: builtins.bytes
    name: str
    public_key: builtins.bytes | None
    aes_key: builtins.bytes | None
    last_seen: str | None
    files: int | None
    bytes: int | None
    last_recorded: str | None

    @property
    def last_seen_at(self) -> datetime.datetime | None:
        """`last_seen` as an aware datetime; None where it is not known or cannot be read."""
        return moment(self.last_seen)

    def _shown(self, name: str) -> str:
        hidden = name == "aes_key" and self.aes_key is not None
        return "<hidden>" if hidden else super()._shown(name)


class Saved(Row):
    """How many of a batch were what.

    added: were not known before
    changed: were known with other content
    unchanged: were known as they are
    refused: did not fit in the client's quota, and were not saved
    """

    added: int
    changed: int
    unchanged: int
    refused: int


class Clients(Base):
    """Clients."""

    def clients(self, *, counts: bool = True, keys: bool = True) -> Iterator[Client]:
        """Every client by name; with `counts` also how many files each has, and their bytes.

        Raises `WrongKeyError` at a client whose AES key is wrapped under a master key that is not
        there; without `keys` each `aes_key` is None, and none is needed.
        """
        return stream(Client, self._raw.client_list(counts, keys))

    def client(self, client: AnyClient, *, keys: bool = True) -> Client:
        """One client, by name or id; its files are not counted. Raises `NotFoundError`, and with
        `keys` what `clients` does."""
        return Client._make(self._raw.client_by_id(self._client(client), keys))

    def add_client(
        self,
        name: str,
        *,
        public_key: bytes | None = None,
        aes_key: bytes | None = None,
        last_seen: When | None = None,
    ) -> Client:
        """Adds a client with a new id. `last_seen` is now unless it is given.

        Raises `ExistsError` where there is one of that name.
        """
        id = _strongroom.new_id()
        self._raw.client_save([(id, name, public_key, aes_key, time_text(last_seen))])
        return self.client(id)

    def save_clients(self, clients: Iterable[Client | Mapping[str, Any]]) -> Saved:
        """Adds or replaces clients by their ids, all or none. Their files stay as they are.

        Each is a `Client`, or a mapping with "id" and "name" and, where there are such, "public_key",
        "aes_key" and "last_seen". Without "last_seen" it is now; without a key it has none.
        Raises `ExistsError` where another client has the name.
        """
        wanted = ("public_key", "aes_key", "last_seen")
        given = map(dict[str, Any], clients)
        rows = [(c["id"], c["name"], *(c.get(word) for word in wanted)) for c in given]
        return Saved._make(self._raw.client_save(rows))

    def update_client(
        self,
        client: AnyClient,
        *,
        name: str | None = None,
        public_key: bytes | None = None,
        aes_key: bytes | None = None,
        last_seen: When | None = None,
    ) -> Client:
        """Changes what is given, and nothing else; returns the client as it is then.

        Raises `NotFoundError`, `ExistsError` where another client has the name, or `WrongKeyError`
        where its AES key cannot be unwrapped.
        """
        id = self.client(client).id
        self._raw.client_update(id, name, public_key, aes_key, time_text(last_seen))
        return self.client(id)

    def delete_client(self, client: AnyClient) -> int:
        """Deletes a client, the records of its files and their versions; stored files stay.

        Returns how many files went. Raises `NotFoundError`.
        """
        return self._raw.client_delete(self._client(client))

    def count_clients(self) -> int:
        """How many clients there are."""
        return self._raw.client_count()
