"""Where the library's log arrives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.elsewhere


def logged(tmp_path: Path, lines: str) -> list[str]:
    """Names and levels of what these lines log, in a process of their own."""
    script = (
        "import logging, sys\n"
        "class Told(logging.Handler):\n"
        "    def emit(self, record): print(record.name, record.levelname)\n"
        "logging.getLogger().addHandler(Told())\n"
        "logging.getLogger().setLevel(logging.DEBUG)\n" + lines
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    return done.stdout.splitlines()


OPEN = "strongroom.Catalog('a.db', create=True, migrate=True).optimize()\n"


def test_each_module_has_a_logger(tmp_path: Path) -> None:
    told = logged(tmp_path, "import strongroom\n" + OPEN)
    assert "strongroom.migrate INFO" in told and "strongroom.pool DEBUG" in told
    assert all(line.startswith("strongroom.") for line in told)


def test_levels_are_those_of_logging(tmp_path: Path) -> None:
    told = logged(
        tmp_path,
        "import strongroom\nlogging.getLogger('strongroom').setLevel(logging.WARNING)\n" + OPEN,
    )
    assert told == []


def test_the_compatible_modules_take_it_over(tmp_path: Path) -> None:
    told = logged(tmp_path, "import strongroom, server.database\n" + OPEN)
    assert "server.database_migrations INFO" in told and "server.database DEBUG" in told
    assert all(line.startswith("server.database") for line in told)


def test_a_handler_that_fails_harms_nothing(tmp_path: Path) -> None:
    told = logged(
        tmp_path,
        "logging.raiseExceptions = False\n"
        "Told.emit = lambda self, record: 1 // 0\n"
        "import strongroom\n"
        "catalog = strongroom.Catalog('a.db', create=True, migrate=True)\n"
        "catalog.add_client('anna')\n"
        "print(len(list(catalog.clients())))\n",
    )
    assert told == ["1"]
