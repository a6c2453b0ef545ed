"""Programs that measure pairs of their own, and sizes of databases."""

import os
import shutil
import subprocess
import tempfile

from data import BUILD, ROOT
from targets import MILLION, ORDERS, TARGETS, matches

# Program, its names (beginnings), how often each side runs, and the most rows that it is to have.
PROGRAMS = (
    ("bench_save", ("save", "bytes.seed"), 3, MILLION),
    ("bench_writers", ("writers",), 3, 300_000),
    ("bench_mixed", ("mixed", "claims.reads", "claims.half"), 3, 300_000),
    ("bench_indexed", ("claims.indexed",), 5, MILLION),
    ("record", ("record",), 3, MILLION),
    ("python", ("python",), 5, MILLION),
)


def place_of(program):
    script = ROOT / "bench" / program
    return script if script.exists() and not script.is_dir() else BUILD / "bench" / program


def names_of(beginnings):
    return [name for name in TARGETS if matches(name, beginnings)]


def parse(lines):
    """name -> side -> samples."""
    samples = {}
    for line in lines:
        fields = line.rstrip("\n").split("\t")
        if line.startswith("#") or len(fields) != 4:
            continue
        name, side, value, unit = fields
        target = TARGETS.get(name.partition("@")[0])
        if target is None or side not in ("ours", "theirs") or unit != target.unit:
            raise SystemExit(f"bench/run: cannot make sense of: {line.rstrip()}")
        samples.setdefault(name, {"ours": [], "theirs": []})[side].append(float(value))
    return samples


def run_program(results, data, program, beginnings, rounds, most):
    rounds = min(rounds, results.rounds)
    names = [name for name in names_of(beginnings) if results.wants(name)]
    if not names:
        return
    place = place_of(program)
    if not place.exists():
        for name in names:
            results.missing(name, f"bench/{program} is not there")
        return
    folder = tempfile.mkdtemp(prefix=f"{program}-", dir=data.folder)
    rows = min(results.rows, most)
    command = [place, "--folder", folder, "--rows", str(rows), "--rounds", str(rounds)]
    if program == "python":
        command += ["--catalog", data.catalog(rows, "walk"),
                    "--original", data.original(rows, own_indexes=True)]
    for name in names if results.only else ():
        command += ["--only", name]
    try:
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in ran.stdout.splitlines():
        if line.startswith("#"):
            data.say(line)
    samples = parse(ran.stdout.splitlines()) if ran.returncode == 0 else {}
    for name, sides in samples.items():
        results.add(name, sides["ours"], sides["theirs"], rows)
    for name in names:
        if name not in samples:
            results.missing(name, f"bench/{program} ended with {ran.returncode}"
                            if ran.returncode else f"bench/{program} did not measure it")


def run_programs(results, data):
    for program in PROGRAMS:
        run_program(results, data, *program)


# ---- Sizes

def table_bytes(database, condition):
    """Of tables and indexes whose table's name fits the condition; None without any."""
    sql = ("SELECT sum(pgsize) FROM dbstat WHERE aggregate = 1 AND name IN "
           f"(SELECT name FROM sqlite_master WHERE {condition})")
    printed = subprocess.run(["sqlite3", "-readonly", database, sql], capture_output=True, text=True,
                             check=True).stdout.strip()
    return int(printed) if printed else None


def used_bytes(database):
    """Of the whole file, without pages that wait to be used again."""
    printed = subprocess.run(
        ["sqlite3", "-readonly", database, "SELECT (page_count - freelist_count) * page_size "
         "FROM pragma_page_count, pragma_freelist_count, pragma_page_size"],
        capture_output=True, text=True, check=True).stdout
    return int(printed)


def measure_sizes(results, data, peers):
    for order in ORDERS:
        name = f"index.bytes.{order}"
        if not results.wants(name):
            continue
        ours = table_bytes(data.catalog(results.rows, order), "tbl_name GLOB 'search_*'")
        if ours is None:
            results.missing(name, "the catalog has no substring index")
            continue
        theirs = []
        if "plocate" in peers:
            theirs = [os.stat(data.plocate(results.rows, order)).st_size / results.rows]
        results.add(name, [ours / results.rows], theirs)
    if results.wants("bytes.recorded"):
        rows = min(results.rows, MILLION)
        size = used_bytes(data.catalog(rows, "walk", short=True))
        results.add("bytes.recorded", [size / rows], rows=rows)
