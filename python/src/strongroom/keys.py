"""Keys at rest: clients' AES keys, wrapped under a master key that is kept outside of the database."""

from __future__ import annotations

from typing import Any

from strongroom.base import Base, Stage
from strongroom.rows import Row


class MasterKey(Row):
    """A master key that the catalog has used or uses.

    id: 16 hex digits, derived from the key, which they tell nothing of
    since: when the catalog began to use it, text, or None
    current: whether new keys are wrapped under it
    in_ring: whether the key ring has it
    clients: how many clients' keys are wrapped under it now
    """

    id: str
    since: str | None
    current: bool
    in_ring: bool
    clients: int


class KeysStatus(Row):
    """How clients' AES keys are kept.

    wrapping: whether `init_keys` was done, and new keys are wrapped
    keep_plain: whether STRONGROOM_AES_KEYS keeps them plain nevertheless
    wrapped: clients whose key is wrapped
    plain: clients whose key is not
    without: clients who have none
    ring: the file of the key ring, or the command that prints it; None where none is set
    ring_read: whether it could be read
    ring_says: why not, or None
    cleaned: when no plain copy was left in the database and its log, text, or None
    masters: the master keys, a tuple of `MasterKey`
    """

    wrapping: bool
    keep_plain: bool
    wrapped: int
    plain: int
    without: int
    ring: str | None
    ring_read: bool
    ring_says: str | None
    cleaned: str | None
    masters: tuple[MasterKey, ...]


class KeysDone(Row):
    """What `init_keys` did.

    id: of the master key
    ring_made: whether the key ring is new
    begun: whether keys were not wrapped here before
    changed: how many were wrapped
    cleaned: whether no plain copy is left in the database, its free pages and its log
    why: what kept them there, or None
    """

    id: str
    ring_made: bool
    begun: bool
    changed: int
    cleaned: bool
    why: str | None


class KeyFault(Row):
    """A client whose AES key cannot be read.

    client_id: 16 bytes
    client_name: the client's name
    status: "wrong key" without the master key, "corrupt" for what was changed or moved, or another
    message: why, in words
    """

    client_id: bytes
    client_name: str
    status: str
    message: str


class KeyCalls(Base):
    """Clients' AES keys at rest."""

    def keys_status(self) -> KeysStatus:
        """How clients' AES keys are kept. Needs no key ring."""
        row: list[Any] = list(self._raw.keys_status())
        row[-1] = tuple(map(MasterKey._make, row[-1]))
        return KeysStatus._make(row)

    def init_keys(self, *, progress: Stage | None = None) -> KeysDone:
        """Begins to wrap clients' AES keys: makes the key ring where its file is missing, wraps every
        key in one transaction, and removes what plain copies are left in the database and its log.

        Later it wraps what is plain since. Raises `InvalidError` without a key ring, `WrongKeyError`
        where that does not have the master key that is used here.
        """
        return KeysDone._make(self._raw.keys_init(progress))

    def unwrap_keys(self) -> int:
        """Makes every key plain and wraps no more. Returns how many there were."""
        return self._raw.keys_unwrap()

    def check_keys(self) -> list[KeyFault]:
        """Unwraps every key, and names those that cannot be."""
        return [KeyFault._make(row) for row in self._raw.keys_check()[1]]
