"""What becomes of a failure: a line in the log and an empty result, or the server's own error."""

from __future__ import annotations

import functools
import logging
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar, cast

from strongroom import errors

F = TypeVar("F", bound=Callable[..., Any])

KINDS: tuple[type[Exception], ...] = (
    errors.Error, sqlite3.Error, ValueError, TypeError, OverflowError, OSError,
)
"""What a call may raise that is not a fault of this program."""


def logging_to(
    logger: logging.Logger, kinds: tuple[type[Exception], ...]
) -> Callable[[str, Callable[[], Any]], Callable[[F], F]]:
    """Makes a decorator for methods whose failures are logged, with words for what they are doing
    and a callable for what they return then.
    """

    def logged(doing: str, result: Callable[[], Any]) -> Callable[[F], F]:
        def decorate(method: F) -> F:
            @functools.wraps(method)
            def call(*arguments: Any, **keywords: Any) -> Any:
                try:
                    return method(*arguments, **keywords)
                except kinds as error:
                    logger.error("Database error while %s: %s", doing, error)
                    return result()

            return cast(F, call)

        return decorate

    return logged


def nothing() -> None:
    """The result of a method that then returns None."""


def kind_of(error: Exception) -> str:
    """An error of a statement, in the words that people look for in the log."""
    if isinstance(error, sqlite3.OperationalError):
        return "Database operational error"
    if isinstance(error, sqlite3.IntegrityError):
        return "Database integrity error"
    return "Database error"


def reads(query: object) -> bool:
    """Whether it looks like a statement that reads; it may not even compile."""
    words = query.lower().split() if isinstance(query, str) else []
    if words[:1] == ["with"]:
        return not {"insert", "update", "delete", "replace"} & set(words)
    return bool(words) and words[0] in ("select", "pragma", "values", "explain")
