"""Searching, filtering, statistics, opening: what is measured on the prepared data."""

import os
import pathlib
import sqlite3
import statistics
import subprocess
import time

from data import BUILD, remove
from measure import BUDGET, FEWEST
from targets import MILLION, ORDERS, TERMS


class Asked:
    """bench_search with one database: a question, an answer."""

    def __init__(self, kind, database):
        self.process = subprocess.Popen([BUILD / "bench/bench_search", kind, database],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write("\t".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split("\t")
        if len(answer) != 2:
            raise SystemExit(f"bench/run: bench_search has no answer to {words}")
        return float(answer[0]), int(answer[1])

    def seconds(self, *words):
        return lambda: self.ask(*words)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit("bench/run: bench_search failed")


def timed(*command):
    """Seconds of a whole process whose output goes nowhere."""
    began = time.perf_counter()
    code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8"}).returncode
    took = time.perf_counter() - began
    if code not in (0, 1):  # 1: nothing found.
        raise SystemExit(f"bench/run: {command[0]} ended with {code}")
    return took


def plocate_count(database, term):
    printed = subprocess.run(["plocate", "-d", database, "-i", "-c", term], capture_output=True,
                             check=False, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout
    return int(printed)


def compare_counts(data, asked, order, rows, peers):
    """Both must find as many, or times say nothing."""
    for name in ("common", "rare", "none", "none_hard"):
        term = data.terms[name]["term"]
        hits = asked.ask("count", term)[1]
        words = f"{name} term '{term}' ({order}): {hits:,} hits, {100 * hits / rows:.4f} % of the paths"
        if "plocate" in peers:
            other = plocate_count(data.plocate(rows, order), term)
            words += f"; plocate finds {other:,}" + ("" if other == hits else ", NOT AS MANY")
        data.say(words)
    for name in ("two", "one"):
        data.say(f"{name} character(s) '{data.terms[name]['term']}': in "
                 f"{100 * data.terms[name]['share']:.3g} % of the paths")


def measure_searches(results, data, peers):
    for order in ORDERS:
        names = [f"{kind}.{term}.{order}" for kind in ("search", "match", "process")
                 for term in (*TERMS, "none_hard")]
        if not results.wants(*names):
            continue
        database = data.catalog(results.rows, order)
        with Asked("catalog", database) as asked:
            compare_counts(data, asked, order, results.rows, peers)
            for term in (*TERMS, "none_hard"):
                measure_term(results, data, peers, asked, database, term, order)
            if order == "walk" and results.wants("memory.search"):
                whole, engine = asked.ask("memory")
                results.add("memory.search", [(whole - engine) / 2**20])


def measure_term(results, data, peers, asked, database, term, order):
    word = data.terms[term]["term"]
    theirs = None
    if "plocate" in peers:
        listed = data.plocate(results.rows, order)
        theirs = lambda: timed("plocate", "-d", listed, "-i", word)
    name = f"search.{term}.{order}"
    if results.wants(name):
        results.pair(name, asked.seconds("search", word), theirs if term != "one" else None)
    name = f"match.{term}.{order}"
    if term in ("common", "rare", "none") and results.wants(name):
        results.pair(name, asked.seconds("match", word))
    name = f"process.{term}.{order}"
    if term in ("common", "rare", "none") and results.wants(name):
        if theirs is None:
            results.missing(name, "plocate is not installed")
        else:
            results.pair(name, lambda: timed(BUILD / "strongroom", "--db", database, "--plain",
                                             "search", word), theirs)


def window(database):
    """Client, dates and size that leave about a third of one client's files."""
    connection = sqlite3.connect(database)
    client = connection.execute("SELECT Name FROM clients ORDER BY Name LIMIT 1 OFFSET "
                                "(SELECT count(*) / 2 FROM clients)").fetchone()[0]
    dates = sorted(row[0] for row in connection.execute(
        "SELECT ModificationDate FROM files WHERE ClientID = (SELECT ID FROM clients WHERE Name = ?)",
        (client,)))
    connection.close()
    return client, dates[len(dates) // 4], dates[len(dates) * 3 // 4], 1024


def measure_filters(results, data):
    if not results.wants(*(f"filters.{order}" for order in ORDERS)):
        return
    original = data.original(results.rows)
    words = window(original)
    with Asked("original", original) as theirs:
        for order in ORDERS:
            if not results.wants(f"filters.{order}"):
                continue
            with Asked("catalog", data.catalog(results.rows, order)) as ours:
                found, other = ours.ask("filters", *words)[1], theirs.ask("filters", *words)[1]
                data.say(f"filters {words}: {found} rows, the original's SQL {other}"
                         + ("" if found == other else ", NOT AS MANY"))
                results.pair(f"filters.{order}", ours.seconds("filters", *words),
                             theirs.seconds("filters", *words))


def measure_original(results, data):
    names = [f"original.{term}" for term in ("common", "rare", "none")]
    if not results.wants(*names):
        return
    rows = min(results.rows, MILLION)
    with Asked("original", data.original(rows)) as theirs, \
            Asked("catalog", data.catalog(rows, "walk")) as ours:
        for name in filter(results.wants, names):
            word = data.terms[name.partition(".")[2]]["term"]
            found, other = ours.ask("search", word)[1], theirs.ask("search", word)[1]
            data.say(f"{name}: {found} rows, the original's SQL {other}"
                     + ("" if found == other else ", NOT AS MANY"))
            results.pair(name, ours.seconds("search", word), theirs.seconds("search", word), rows)


def measure_statistics(results, data):
    for name, rows in (("statistics.1m", min(results.rows, MILLION)),
                       ("statistics.10m", results.rows)):
        if not results.wants(name):
            continue
        with Asked("original", data.original(rows)) as theirs, \
                Asked("catalog", data.catalog(rows, "walk")) as ours:
            results.pair(name, ours.seconds("statistics"), theirs.seconds("statistics"), rows)


def measure_open(results, data):
    if results.wants("open"):
        with Asked("catalog", data.catalog(results.rows, "walk")) as ours:
            results.pair("open", ours.seconds("open"))


SAVES = (1, 100, 1000, 5000, 10000) * 3


def fresh_term(number):
    return f"freshly{number:04d}kept"


def measure_written(results, data):
    """What changes a catalog is measured on copies."""
    for order in ORDERS:
        built = [f"index.build.{order}"] + (["memory.build"] if order == "walk" else [])
        found = ["found.missed", "found.extra"] if order == "walk" else []
        if not results.wants(*built, *found):
            continue
        copy = data.copy(data.catalog(results.rows, order), "written.db")
        try:
            if results.wants(*built):
                measure_index(results, copy, order)
            if results.wants(*found):
                measure_found(results, data, copy)
        finally:
            remove(pathlib.Path(copy))


def measure_index(results, copy, order):
    name = f"index.build.{order}"
    with Asked("catalog", copy) as ours:
        rates, began = [], time.monotonic()
        while not rates or (len(rates) < FEWEST and time.monotonic() - began < BUDGET):
            took, rows = ours.ask("index")
            rates.append(rows / took)
        results.add(name, rates)
        if order == "walk":
            whole, engine = ours.ask("memory")
            results.add("memory.build", [(whole - engine) / 2**20])


def measure_found(results, data, copy):
    """Saves of many sizes, each followed at once by a search for what it brought."""
    missed, right_after, later = 0, [], []
    with Asked("catalog", copy) as ours:
        for number, count in enumerate(SAVES):
            took, found = ours.ask("save", count, fresh_term(number), number)
            missed += min(count, 1000) - found
            right_after.append(took * 1000)
        # What each takes where nothing is new.
        ours.ask("index")
        for number in range(len(SAVES)):
            took = statistics.median(ours.ask("search", fresh_term(number))[0] for _ in range(3))
            later.append(took * 1000)
    extra = {count: statistics.median(mine - other for mine, other, size in
                                      zip(right_after, later, SAVES) if size == count)
             for count in sorted(set(SAVES))}
    data.say("extra milliseconds of a search right after a save: "
             + ", ".join(f"{took:.2f} after {count:,} files" for count, took in extra.items()))
    results.add("found.missed", [missed])
    results.add("found.extra", [max(0.0, *extra.values())])
