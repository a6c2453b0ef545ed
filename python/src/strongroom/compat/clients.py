"""Clients in the shapes of the old module."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from strongroom import _strongroom, errors

Given = tuple[bytes | str, str, bytes | None, bytes | None, str | None]


def as_tuple(client: tuple[Any, ...]) -> tuple[bytes, str, bytes | None, str, bytes | None]:
    """Id, name, public key, when it was last seen, AES key."""
    id, name, public_key, aes_key, last_seen, *_ = client
    return id, name, public_key, last_seen, aes_key


def one(client_id: bytes | str | None) -> bytes | str:
    """The id. Raises TypeError without one, which the library would take for all clients."""
    if client_id is None:
        raise TypeError("a client's id is 16 bytes or 32 hex digits, not None")
    return client_id


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def insert_new(
    catalog: _strongroom.Catalog, given: Iterable[Mapping[str, Any]], logger: logging.Logger
) -> int:
    """Adds the clients whose id and name are new, and says how many. To be called inside a
    transaction. What is no client is left out, and logged.
    """
    ids: set[bytes] = set()
    names: set[str] = set()
    for id, name, *_ in catalog.client_list(keys=False):
        ids.add(id)
        names.add(name)
    inserted = 0
    for one in given:
        try:
            client = _given(one)
            id = _bytes(client[0])
            if id in ids or client[1] in names:
                continue
            catalog.client_save([client])
        except (errors.InvalidError, ValueError, TypeError, KeyError) as error:
            logger.warning("A client was left out: %s", error)
            continue
        ids.add(id)
        names.add(client[1])
        inserted += 1
    return inserted


def _given(client: Mapping[str, Any]) -> Given:
    if not isinstance(client, Mapping):
        raise TypeError(f"a client is a dictionary, not {client!r}")

    def value(*keys: str) -> Any:
        return next((client[key] for key in keys if client.get(key) is not None), None)

    id, name = value("id", "client_id"), value("name")
    if id is None or name is None:
        raise ValueError(f"it needs an id and a name: {dict(client)!r}")
    return (
        id, name, value("public_key", "public_key_bytes"), value("aes_key"), value("last_seen"),
    )


def _bytes(id: bytes | str) -> bytes:
    return bytes.fromhex(id.replace("-", "")) if isinstance(id, str) else bytes(id)
