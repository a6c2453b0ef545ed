"""Quotas: how many bytes clients may use."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.base import Base
from strongroom.rows import Row, stream
from strongroom.words import AnyClient, Size, size_bytes


class Quota(Row):
    """What a client may use, and uses.

    client_id: 16 bytes
    client_name: the client's name
    quota_bytes: what it may use; None for as much as it likes
    available_bytes: what still fits, never negative; None without a quota
    used_percent: 100 for a quota of 0; None without a quota
    warning_threshold: the part of the quota, 0.8 for 80 %, from which on it is warned
    used_bytes: the sizes of its files, those that are missing among them
    state: "unlimited", "ok", "warning" or "exceeded"
    """

    client_id: bytes
    client_name: str
    quota_bytes: int | None
    available_bytes: int | None
    used_percent: float | None
    warning_threshold: float | None
    used_bytes: int
    state: str


class DefaultQuota(Row):
    """What clients get that are added from now on.

    quota_bytes: None for no quota
    warning_threshold: a part of the quota, or None
    """

    quota_bytes: int | None
    warning_threshold: float | None


class Quotas(Base):
    """Quotas: how many bytes clients may use."""

    def quota(self, client: AnyClient) -> Quota:
        """What a client may use, and uses."""
        return Quota._make(self._raw.quota_get(self._client(client)))

    def quotas(self) -> Iterator[Quota]:
        """Every client's by name, those without a quota too."""
        return stream(Quota, self._raw.quota_list())

    def set_quota(
        self, client: AnyClient, size: Size, *, warning_threshold: float | None = None
    ) -> Quota:
        """Sets a client's quota, bytes or "10G", and returns how it is then.

        The threshold is a part of it, above 0 and at most 1; without, it stays, at first 0.8. A quota
        below what is used is allowed: nothing is lost, and nothing more fits.
        """
        row = self._raw.quota_set(self._client(client), size_bytes(size), warning_threshold)
        return Quota._make(row)

    def clear_quota(self, client: AnyClient) -> bool:
        """Takes a client's quota away. Whether it had one."""
        return self._raw.quota_clear(self._client(client))

    def default_quota(self) -> DefaultQuota:
        """What clients get that are added from now on."""
        return DefaultQuota._make(self._raw.quota_default())

    def set_default_quota(
        self, size: Size | None, *, warning_threshold: float | None = None
    ) -> None:
        """Sets what clients get that are added from now on; None for no quota."""
        self._raw.quota_default_set(size_bytes(size), warning_threshold)

    def quotas_enforced(self) -> bool:
        """Whether SQL of other programs fails, too, where it brings a client over its quota."""
        return self._raw.quota_enforce()

    def enforce_quotas(self, enforce: bool = True) -> None:
        """Lets SQL of other programs fail, too, where it brings a client over its quota."""
        self._raw.quota_enforce_set(enforce)
