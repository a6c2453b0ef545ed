"""The table of targets: every name that bench/run knows, and what it is to reach."""

MILLION = 1_000_000
TEN_MILLION = 10_000_000


class Target:
    """What one name is to reach.

    `most` bounds the value from above, `least` from below; `ratio` bounds how many times better
    than the other side it is to be. `rows` are those that the target is for, None for any. Without
    a bound it is measured for the reader's sake. What counts of the rounds is the median, or the worst.
    """

    def __init__(self, name, unit, line, against="", most=None, least=None, ratio=None, rows=None,
                 worst=False):
        self.name, self.unit, self.line, self.against = name, unit, line, against
        self.most, self.least, self.ratio, self.rows = most, least, ratio, rows
        self.worst = worst

    @property
    def words(self):
        if self.ratio is not None:
            return f">= {self.ratio:g} x" if self.ratio != 1 else "faster"
        if self.most is not None:
            return f"<= {self.most:,g} {self.unit}"
        if self.least is not None:
            return f">= {self.least:,g} {self.unit}"
        return None

    def met(self, value, ratio, rows):
        """True or false; None where nothing can be said."""
        if self.rows is not None and rows != self.rows:
            return None
        if self.ratio is not None:
            return None if ratio is None else ratio >= self.ratio
        if value is None or self.words is None:
            return None
        return value <= self.most if self.most is not None else value >= self.least


ORDERS = ("walk", "shuffled")
TERMS = ("common", "rare", "none", "two", "one")
TERM_LINES = {
    "common": "common term, newest 1,000 with all columns",
    "rare": "rare term",
    "none": "no hit",
    "two": "two characters",
    "one": "one character, newest 1,000",
}
SEARCH_MOST = {
    "common": (40, 150),
    "rare": (3, 20),
    "none": (0.3, 0.5),
    "two": (60, 120),
    "one": (20, 20),
}


def _search():
    for term in TERMS:
        for order, most in zip(ORDERS, SEARCH_MOST[term]):
            against = "" if term == "one" else "plocate -i"
            yield Target(f"search.{term}.{order}", "ms", f"search, {TERM_LINES[term]} ({order})",
                         against, most=most, rows=TEN_MILLION)
    for order in ORDERS:
        yield Target(f"search.none_hard.{order}", "ms",
                     f"no hit, though each three letters of it occur ({order})", "plocate -i")
    for term in ("common", "rare", "none"):
        for order in ORDERS:
            yield Target(f"match.{term}.{order}", "ms", f"matching alone, {term} ({order})")
    for order in ORDERS:
        yield Target(f"filters.{order}", "ms", f"filters without a term, newest 1,000 ({order})",
                     "the original's SQL", ratio=10, rows=TEN_MILLION)
    for term in ("common", "rare", "none"):
        for order in ORDERS:
            yield Target(f"process.{term}.{order}", "ms",
                         f"whole process, {TERM_LINES[term].split(',')[0]} ({order})",
                         "plocate -i", ratio=1, rows=TEN_MILLION)


def _python():
    original = "the original's statements"
    yield Target("python.save", "rows/s", "Python, 16 threads saving", original, ratio=2)
    yield Target("python.many", "rows/s", "Python, execute_many of 10,000", original, ratio=1)
    yield Target("python.fetch", "ms", "Python, execute(fetchall=True) of 100,000 rows", original, ratio=1)
    for term in ("common", "rare", "none"):
        yield Target(f"python.search.{term}", "ms", f"Python, search, {TERM_LINES[term].split(',')[0]}",
                     original, ratio=50, rows=MILLION)
    yield Target("python.statistics", "ms", "Python, get_storage_statistics", original, ratio=50,
                 rows=MILLION)
    yield Target("python.file", "us", "Python, get_file_info", original, ratio=1)
    yield Target("python.client", "us", "Python, get_client_by_id", original, ratio=1)


def _all():
    yield from _search()
    for term, ratio in (("common", 20), ("rare", 50), ("none", 50)):
        yield Target(f"original.{term}", "ms", f"the original's search, {TERM_LINES[term]}",
                     "the original's SQL", ratio=ratio, rows=MILLION)
    for order, most in zip(ORDERS, (12, 40)):
        yield Target(f"index.bytes.{order}", "B/row", f"index bytes a row ({order})",
                     "plocate's file", most=most)
    for order in ORDERS:
        yield Target(f"index.build.{order}", "rows/s", f"index build ({order})", least=500_000)
    yield Target("memory.search", "MB", "memory of searching beyond SQLite's", most=64)
    yield Target("memory.build", "MB", "memory of building the index beyond SQLite's", most=64)
    yield Target("found.missed", "count", "files not found after their save returned", most=0)
    yield Target("found.extra", "ms", "extra time of a search right after a save",
                 "the same search later", most=5)
    for name, rows in (("1m", MILLION), ("10m", TEN_MILLION)):
        yield Target(f"statistics.{name}", "ms", f"statistics at {name.upper()} rows",
                     "count and sum over rows", most=1, rows=rows)
    yield Target("open", "ms", "opening a catalog", most=5, rows=TEN_MILLION)
    yield Target("save.bare", "rows/s", "bulk save, final schema",
                 "a bare C loop without our triggers", ratio=0.8)
    yield Target("save.triggers", "rows/s", "bulk save, final schema",
                 "a bare C loop with our triggers", ratio=0.9)
    yield Target("writers.rows", "rows/s", "64 writers, one durable row each",
                 "a connection a thread", ratio=5.5)
    yield Target("writers.p99", "ms", "64 writers, 99th percentile", "a connection a thread", most=25)
    yield Target("writers.max", "ms", "64 writers, longest", "a connection a thread", most=100,
                 worst=True)
    yield Target("mixed.ops", "ops/s", "8 threads, half reads half writes",
                 "a pool of five that all write", ratio=1.7)
    yield Target("mixed.wait", "ms", "8 threads, half and half: longest wait",
                 "a pool of five that all write", most=100, worst=True)
    yield Target("claims.reads", "ops/s", "8 threads, nine reads to one write",
                 "open and close each time", ratio=5)
    yield Target("claims.half", "ops/s", "8 threads, half and half", "open and close each time", ratio=3)
    yield Target("claims.indexed", "us", "indexed queries", "no index", ratio=10)
    yield Target("record.warm", "MB/s", "record, first run, warm cache",
                 "find | xargs -P2 sha256sum", ratio=0.8)
    yield Target("record.cold", "MB/s", "record, first run, cold cache",
                 "find | xargs -P2 sha256sum", ratio=0.8)
    yield Target("record.unchanged", "s", "record, unchanged", "restic backup, unchanged", ratio=4)
    yield from _python()
    yield Target("bytes.seed", "B/row", "database bytes a row, the original's columns only",
                 "the original's schema", most=420)
    yield Target("bytes.recorded", "B/row", "database bytes a row, recorded files, mean path 75",
                 most=650, rows=MILLION)


TARGETS = {target.name: target for target in _all()}


def wanted(names, only):
    """The names that are `only`, or begin with one of them; all without."""
    for one in only:
        if not any(matches(name, [one]) for name in names):
            raise SystemExit(f"bench/run: --only {one}: there is no such name")
    return [name for name in names if not only or matches(name, only)]


def matches(name, only):
    return any(name == one or name.startswith(one.rstrip(".") + ".") for one in only)
