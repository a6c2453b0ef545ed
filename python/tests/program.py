"""The program `strongroom` and other processes, for tests of what is shared with them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import strongroom as package

SETTING = re.compile("DATABASE_NAME|FILE_STORAGE|CONNECTION|MIGRATION|DANGEROUS|STRONGROOM_(DB|LOG)")


def environment(**settings: str) -> dict[str, str]:
    """For a server of its own: the package is the one under test, wherever the process works, and no
    setting is the developer's."""
    kept = {name: value for name, value in os.environ.items() if not SETTING.match(name)}
    return kept | {"PYTHONPATH": str(Path(package.__file__).parents[1])} | settings


def find() -> Path:
    """$STRONGROOM_PROGRAM, or the one that was built beside these sources."""
    if named := os.environ.get("STRONGROOM_PROGRAM"):
        path = Path(named)
        how = "which STRONGROOM_PROGRAM names"
    else:
        path = Path(__file__).resolve().parents[2] / "build" / "strongroom"
        how = "; build it with ./quickstart --build, or name another in STRONGROOM_PROGRAM"
    if not os.access(path, os.X_OK):
        raise AssertionError(f"There is no program {path} {how}".replace(" ;", ";"))
    return path


def strongroom(database: Path, *words: str | Path) -> str:
    """What it prints. A failure is the test's."""
    command = [find(), "--db", database, *words]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout
