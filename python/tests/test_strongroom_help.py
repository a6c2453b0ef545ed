"""What help() shows, what the types say, and that the README's example runs."""

from __future__ import annotations

import inspect
import os
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import strongroom

PROJECT = Path(__file__).resolve().parents[2]


def public(kind: type) -> Iterator[tuple[str, Any]]:
    """What a class has of its own, or from the parts that it is made of."""
    for part in kind.__mro__:
        if part.__module__.startswith("strongroom"):
            for name, found in vars(part).items():
                if not name.startswith("_") and (callable(found) or isinstance(found, property)):
                    yield f"{part.__name__}.{name}", found


@pytest.mark.parametrize("name", strongroom.__all__)
def test_everything_public_is_described(name: str) -> None:
    found = getattr(strongroom, name)
    words = inspect.getdoc(found)
    assert words and not words.startswith((f"{name}(", "Built-in")), "generated, if any"
    if isinstance(found, type):
        for part, member in public(found):
            assert inspect.getdoc(member), part


def test_all_is_whole_and_sorted() -> None:
    names = strongroom.__all__
    assert names == sorted(names, key=lambda name: (name[0].islower(), name.lower()))
    assert set(strongroom.errors.__all__) <= set(names)
    assert len(names) == len(set(names))


def methods() -> list[tuple[str, Any]]:
    return [
        (name, found)
        for name, found in public(strongroom.Catalog)
        if not isinstance(found, property)
    ]


def test_every_call_is_annotated() -> None:
    assert len(methods()) > 70
    for name, method in methods():
        signature = inspect.signature(method)
        assert signature.return_annotation is not signature.empty, name
        for parameter in list(signature.parameters.values())[1:]:
            assert parameter.annotation is not parameter.empty, f"{name}: {parameter.name}"


def test_flags_are_named() -> None:
    """A bare True in a call tells nobody what it does."""
    for name, method in methods():
        for parameter in inspect.signature(method).parameters.values():
            if parameter.annotation == "bool":
                allowed = name in ("Quotas.enforce_quotas", "Files.set_verified")
                assert allowed or parameter.kind is parameter.KEYWORD_ONLY, f"{name}: {parameter.name}"


def test_units_and_errors_are_told() -> None:
    words = inspect.getdoc(strongroom) or ""
    for word in ("bytes", "UTC", "cksum", "SHA-256", "surrogate", "KeyboardInterrupt", "10M"):
        assert word in words
    named = set(re.findall(r"`(\w+Error)`", "".join(inspect.getdoc(m) or "" for _, m in methods())))
    named |= set(re.findall(r"`(\w+Error)`", inspect.getdoc(strongroom.Catalog.__init__) or ""))
    assert named <= set(strongroom.errors.__all__)
    assert len(named) >= 12


def test_help_reads_well() -> None:
    shown = pydoc.plain(pydoc.render_doc(strongroom.Catalog))
    for noun in ("clients", "files", "search", "versions", "backups", "quotas"):
        assert re.search(rf"inherited from strongroom\.{noun}\.\w+:", shown), noun
    assert "search(self, term" in shown and "is in the name or in a path" in shown
    row = pydoc.plain(pydoc.render_doc(strongroom.Client))
    assert "1 to 255 bytes of UTF-8" in row and "Alias for field" not in row
    whole = pydoc.plain(pydoc.render_doc(strongroom))
    assert "help(strongroom.Catalog)" in whole and "class NotFoundError" in whole


def test_types(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import strongroom\n"
        "with strongroom.Catalog('a.db', create=True) as catalog:\n"
        "    for file in catalog.search('x', type='txt', min_size='1M'):\n"
        "        reveal_type(file.size)\n"
        "        reveal_type(dict(file))\n"
        "    try:\n"
        "        reveal_type(catalog.quota('laptop').state)\n"
        "    except strongroom.NotFoundError as error:\n"
        "        reveal_type(error.status)\n"
        "    catalog.search(colour='red')\n"
        "    catalog.backup(path=5)\n"
    )
    command = ["/usr/bin/mypy", "--strict", f"--cache-dir={tmp_path}", str(program)]
    sources = str(PROJECT / "python" / "src")
    done = subprocess.run(
        command, env=os.environ | {"MYPYPATH": sources}, cwd=tmp_path, capture_output=True, text=True
    )
    told = [line.partition("program.py:")[2] for line in done.stdout.splitlines()]
    assert [line for line in told if "note: Revealed" in line] == [
        '4: note: Revealed type is "Union[builtins.int, None]"',
        '5: note: Revealed type is "builtins.dict[builtins.str, Any]"',
        '7: note: Revealed type is "builtins.str"',
        '9: note: Revealed type is "builtins.str"',
    ]
    assert [line for line in told if "error:" in line] == [
        '10: error: Unexpected keyword argument "colour" for "search" of "Searches"  [call-arg]',
        '11: error: Argument "path" to "backup" of "Backups" has incompatible type "int"; expected '
        '"Optional[Union[str, bytes, PathLike[str], PathLike[bytes]]]"  [arg-type]',
    ]


def test_the_example_of_the_readme(tmp_path: Path) -> None:
    section = (PROJECT / "README.md").read_text().partition("\n## In Python\n")[2]
    section = section.partition("\n## ")[0]
    [program] = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    [shown] = re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (tmp_path / "Documents").mkdir()
    for name, words in (("Budget 2026.txt", "rent 800\n"), ("letter.txt", "Dear Bob,\n"), ("x.tmp", "")):
        (tmp_path / "Documents" / name).write_text(words)
        os.utime(tmp_path / "Documents" / name, (1_769_851_800, 1_769_851_800))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(Path(strongroom.__file__).parents[1])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout == shown
    assert len(program.strip().splitlines()) <= 12
