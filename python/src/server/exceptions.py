"""What the server's modules raise."""

from __future__ import annotations


class ServerError(Exception):
    """Any failure of the server."""


class ProtocolError(ServerError):
    """A message that breaks the protocol."""


class ClientError(ServerError):
    """Something that a client did wrong, or one that is not known."""


class FileError(ServerError):
    """A file that cannot be stored, read or deleted."""
