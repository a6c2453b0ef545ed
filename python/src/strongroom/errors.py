"""What can go wrong, a class for each kind.

Every error of the library is an `Error`. Its words name the thing and the value that was wrong, and
where there is one the cure. Catch the kind that you can do something about:

    try:
        catalog.add_client("laptop")
    except strongroom.ExistsError:
        ...
"""

from __future__ import annotations


class Error(Exception):
    """Any failure that the library reports."""

    status: str = ""
    """The library's short name of the kind: "not found"."""


class NotFoundError(Error, LookupError):
    """There is no such client, file, version or database."""

    status = "not found"


class ExistsError(Error):
    """The name or key is taken."""

    status = "exists"


class InvalidError(Error, ValueError):
    """An argument or a setting makes no sense."""

    status = "invalid argument"


class QuotaError(Error):
    """The write would bring the client over its quota."""

    status = "quota exceeded"


class BusyError(Error, TimeoutError):
    """Waited for the whole timeout. The words name who holds what."""

    status = "busy"


class TooNewError(Error):
    """The database was made by a newer program."""

    status = "too new"


class TooOldError(Error):
    """The database must be migrated first."""

    status = "too old"


class CorruptError(Error):
    """The database or a stored file is damaged, or is no database."""

    status = "corrupt"


class InputOutputError(Error, OSError):
    """The operating system failed a read or a write."""

    status = "input/output"


class NoSpaceError(Error, OSError):
    """The disk is full."""

    status = "out of space"


class NoMemoryError(Error, MemoryError):
    """An allocation failed."""

    status = "out of memory"


class PermissionDeniedError(Error, PermissionError):
    """The file system does not allow it."""

    status = "permission"


class ReadOnlyError(Error):
    """A write to a catalog, a medium or through a statement that only reads."""

    status = "read-only"


class RefusedError(Error):
    """A potentially dangerous operation, blocked."""

    status = "refused"


class WrongKeyError(Error):
    """The file is encrypted, or the passphrase is wrong."""

    status = "wrong key"


class InterruptedByCallerError(Error):
    """Cancelled by the caller's own progress function."""

    status = "interrupted"


class ClosedError(Error):
    """The catalog was closed."""

    status = "closed"


class ForkedError(Error):
    """The catalog was opened by this process's parent. Open one in the child."""

    status = "forked"


class ConstraintError(Error):
    """A rule of the schema forbids it."""

    status = "constraint"


class SqlError(Error):
    """The statement does not compile or run."""

    status = "sql"


class OutcomeUnknownError(Error):
    """The commit failed in its last step, and may or may not be there."""

    status = "outcome unknown"


BY_STATUS: dict[str, type[Error]] = {
    kind.status: kind for kind in vars().copy().values()
    if isinstance(kind, type) and issubclass(kind, Error) and kind is not Error
}
"""Each class by its status; the extension raises by it."""

__all__ = ["Error", *(kind.__name__ for kind in BY_STATUS.values())]
