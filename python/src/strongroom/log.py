"""The library's log, in Python's `logging`.

Each of its modules has a logger: "strongroom.pool", "strongroom.migrate", "strongroom.search",
"strongroom.engine", "strongroom.catalog" and "strongroom.record", or another one after `redirect`.
All of it arrives there, DEBUG included: levels are set as for every logger.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from strongroom import _strongroom

_LEVELS = {
    _strongroom.LOG_ERROR: logging.ERROR,
    _strongroom.LOG_WARNING: logging.WARNING,
    _strongroom.LOG_INFO: logging.INFO,
    _strongroom.LOG_DEBUG: logging.DEBUG,
}

_loggers: dict[str, logging.Logger] = {}
"""By the library's name of the module."""


def _deliver(level: int, module: str, message: str) -> None:
    logger = _loggers.get(module)
    if logger is None:
        logger = _loggers.setdefault(module, logging.getLogger(f"strongroom.{module}"))
    logger.log(_LEVELS[level], "%s", message)


def redirect(loggers: Mapping[str, str]) -> None:
    """Sends what modules of the library log to the loggers of these names from now on."""
    for module, name in loggers.items():
        _loggers[module] = logging.getLogger(name)


def install() -> None:
    """Listens to the library. Importing `strongroom` does it."""
    _strongroom.set_log(_deliver)


install()
