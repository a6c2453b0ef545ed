"""Builds the extension; everything else is in pyproject.toml.

The library is, in this order: the build folder that $STRONGROOM_BUILD names, an installed one
that pkg-config finds, ../build.
"""

import os
import platform
import shlex
import subprocess
from pathlib import Path

from setuptools import Extension, setup

HERE = Path(__file__).resolve().parent


def pkg_config(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["pkg-config", *arguments, "strongroom"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def from_build_folder(folder: Path) -> tuple[list[str], list[str]]:
    """The extension looks for the library where it was built, so the folder must stay there."""
    folder = folder.resolve()
    if not (folder / "libstrongroom.so").exists():
        raise SystemExit(
            f"There is no libstrongroom.so in {folder}. Build it with ./quickstart --build, "
            "or install it, or set STRONGROOM_BUILD to the folder that it was built in."
        )
    include = HERE.parent / "include"
    return [f"-I{include}"], [f"-L{folder}", f"-Wl,-rpath,{folder}", "-lstrongroom"]


def library() -> tuple[list[str], list[str]]:
    """What the compiler and the linker must be told."""
    if named := os.environ.get("STRONGROOM_BUILD"):
        return from_build_folder(Path(named))
    if (flags := pkg_config("--cflags")) is not None:
        return shlex.split(flags), shlex.split(pkg_config("--libs") or "")
    return from_build_folder(HERE.parent / "build")


def hardening() -> tuple[list[str], list[str]]:
    """As in meson.build; tools/check-hardening looks for it in what comes out."""
    compile_flags = ["-fstack-protector-strong", "-fstack-clash-protection"]
    if platform.machine() in ("x86_64", "i686"):
        compile_flags.append("-fcf-protection=full")
    elif platform.machine() == "aarch64":
        compile_flags.append("-mbranch-protection=standard")
    if "-fsanitize" not in os.environ.get("CFLAGS", ""):
        compile_flags += ["-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3"]
    return compile_flags, ["-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack"]


compile_flags, link_flags = library()
hard_compile_flags, hard_link_flags = hardening()
setup(
    ext_modules=[
        Extension(
            "strongroom._strongroom",
            sources=sorted(str(path.relative_to(HERE)) for path in HERE.glob("extension/*.c")),
            depends=sorted(str(path.relative_to(HERE)) for path in HERE.glob("extension/*.h")),
            extra_compile_args=["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-fvisibility=hidden"]
            + hard_compile_flags
            + compile_flags,
            extra_link_args=hard_link_flags + link_flags,
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
