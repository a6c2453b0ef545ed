"""The data that is measured on: prepared once and kept."""

import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))
VOLATILE = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/mnt", "/media")
PREFIX = "/srv/g00"  # What the first generation's paths begin with; see paths.c.
COMMON, RARE = 0.0034, 0.00005  # Shares of the paths that hold the term.
FEWEST = 1000  # Paths that data is made of.
PARTS = 1000  # Of the tree, to see in how many of them a word occurs.
CLOSE, NEAR = 400, 0.1  # So many words are looked at; a share may be off by that part.
MEAN_PATH = 75
FORM = 2  # Of the data: another one is prepared anew.

# What the original makes by itself, whatever the version.
OWN_INDEXES = """
CREATE INDEX IF NOT EXISTS idx_clients_name ON clients(Name);
CREATE INDEX IF NOT EXISTS idx_clients_lastseen ON clients(LastSeen);
CREATE INDEX IF NOT EXISTS idx_files_clientid ON files(ClientID);
CREATE INDEX IF NOT EXISTS idx_files_filename ON files(FileName);
CREATE INDEX IF NOT EXISTS idx_files_client_filename ON files(ClientID, FileName);
CREATE INDEX IF NOT EXISTS idx_files_verified ON files(Verified);
CREATE INDEX IF NOT EXISTS idx_files_moddate ON files(ModificationDate);
CREATE INDEX IF NOT EXISTS idx_files_filesize ON files(FileSize);
"""


def walk_order(path):
    return path.replace(b"/", b"\0")


def find_files(tree, avoid):
    """(path, size, nanoseconds) of the files below tree, in any order."""
    prune = []
    for folder in [*VOLATILE, *avoid]:
        prune += ["-path", folder, "-o"]
    printed = subprocess.run(
        ["find", tree, "-xdev", "(", *prune[:-1], ")", "-prune", "-o", "-type", "f",
         "-printf", r"%p\0%s\0%T@\0"], capture_output=True, check=False).stdout
    fields = printed.split(b"\0")[:-1]
    for path, size, when in zip(fields[::3], fields[1::3], fields[2::3]):
        whole, _, part = when.partition(b".")
        # plocate's list has a line a path.
        if b"\n" not in path and len(path) < 4000:
            yield path, size, whole + (part + b"000000000")[:9]


def mime_type(path):
    import mimetypes
    return (mimetypes.guess_type(path.rsplit(b"/", 1)[-1].decode("utf-8", "replace"))[0] or "").encode()


def write_paths(name, files):
    with open(name, "wb") as out:
        for path, size, when in files:
            out.write(b"\0".join((path, size, when, mime_type(path))) + b"\0")


def shorten(files):
    """Without the longest paths, so that those of the rest have the mean MEAN_PATH."""
    by_length = sorted(range(len(files)), key=lambda i: (len(files[i][0]), i))
    total, kept = 0, 0
    for kept, i in enumerate(by_length):
        total += len(files[i][0]) + len(PREFIX)
        if total > (kept + 1) * MEAN_PATH and kept > 100:
            break
    chosen = set(by_length[:kept])
    return [file for i, file in enumerate(files) if i in chosen]


class Terms:
    """What is searched for, chosen from the paths by a fixed rule."""

    def __init__(self, paths):
        self.count = len(paths)
        self.text = "\n".join(PREFIX + path.decode("utf-8", "replace").lower() for path in paths)
        words, parts = collections.Counter(), collections.defaultdict(set)
        for number, line in enumerate(self.text.split("\n")):
            for word in set(re.findall(r"[a-z]{4,10}", line)):
                words[word] += 1
                parts[word].add(number * PARTS // self.count)
        self.parts = parts
        common = self.nearest(words, COMMON)
        self.chosen = {
            "common": common,
            "rare": self.nearest(words, RARE),
            "none": self.misspelt(common),
            "none_hard": self.absent(words),
            "two": self.median(2),
            "one": self.median(1),
        }

    def share(self, term):
        return len(re.findall("^.*" + re.escape(term), self.text, re.MULTILINE)) / self.count

    def nearest(self, words, share):
        """Of the words with about that share, by how often they really occur, the one that is found
        in the most parts of the tree."""
        close = sorted(words, key=lambda word: (abs(words[word] / self.count - share), word))[:CLOSE]
        close.sort(key=lambda word: (-len(self.parts[word]), word))
        return next((word for word in close if abs(self.share(word) / share - 1) < NEAR), close[0])

    def misspelt(self, word):
        """The word with the letter in its middle wrong, so that it occurs nowhere."""
        middle = len(word) // 2
        for letter in "qxzjkvwy":
            other = word[:middle] + letter + word[middle + 1:]
            if other not in self.text:
                return other
        raise SystemExit(f"bench/run: every misspelling of {word} occurs")

    def absent(self, words):
        """Two frequent words run together: occurs nowhere, though each three letters of it do."""
        frequent = [word for word, _ in words.most_common(200)]
        for first in frequent:
            for second in frequent:
                both = first + second
                if both not in self.text and all(
                        both[i:i + 3] in self.text for i in range(len(both) - 2)):
                    return both
        return frequent[0] + frequent[0]

    def median(self, length):
        """The sequence of letters that is the middle one by how many paths hold it."""
        shares = collections.Counter()
        for line in self.text.split("\n"):
            shares.update({line[i:i + length] for i in range(len(line) - length + 1)})
        letters = sorted((count, word) for word, count in shares.items()
                         if re.fullmatch("[a-z]+", word))
        return letters[len(letters) // 2][1]


def remove(database):
    for end in ("", "-wal", "-shm", "-journal"):
        pathlib.Path(f"{database}{end}").unlink(missing_ok=True)


class Data:
    """A folder with paths, catalogs and lists; what is missing or of another form is made."""

    def __init__(self, folder, tree, say):
        self.folder, self.tree, self.say = pathlib.Path(folder).resolve(), tree, say
        self.folder.mkdir(parents=True, exist_ok=True)
        self.notes = {}
        self.paths = self.folder / "paths"
        if not self.is_ready("paths", self.form()):
            self.find()
        self.terms = json.loads((self.folder / "terms.json").read_text())

    # ---- What there is

    def form(self):
        return f"{FORM} {self.tree}"

    @staticmethod
    def schema():
        """Of catalogs: another one is filled anew."""
        words = "".join(migrations().values())
        return f"{FORM} {hashlib.sha256(words.encode()).hexdigest()}"

    def is_ready(self, name, form):
        ready = self.folder / f"{name}.ready"
        if not ready.exists():
            return False
        told = json.loads(ready.read_text())
        self.notes[name] = told
        return told["form"] == form

    def set_ready(self, name, form, **notes):
        self.notes[name] = {"form": form, **notes}
        (self.folder / f"{name}.ready").write_text(json.dumps(self.notes[name]))

    # ---- Making it

    def find(self):
        self.say(f"finding the files below {self.tree}")
        for ready in self.folder.glob("*.ready"):
            ready.unlink()
        files = sorted(find_files(self.tree, [str(self.folder), str(ROOT.parent)]),
                       key=lambda file: walk_order(file[0]))
        if len(files) < FEWEST:
            raise SystemExit(f"bench/run: {self.tree}: has {len(files)} files, fewer than {FEWEST}")
        write_paths(self.paths, files)
        write_paths(self.folder / "paths75", shorten(files))
        terms = Terms([path for path, _, _ in files])
        (self.folder / "terms.json").write_text(json.dumps(
            {name: {"term": term, "share": terms.share(term)} for name, term in terms.chosen.items()}))
        mean = statistics.fmean(len(path) for path, _, _ in files) + len(PREFIX)
        self.set_ready("paths", self.form(), files=len(files), mean=mean)

    def fill(self, kind, rows, order, target, paths=None):
        began = time.monotonic()
        command = [BUILD / "bench/bench_fill", kind, paths or self.paths, str(rows), order, target]
        rate = float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        if kind != "names":
            self.say(f"{target.name}: {rows:,} rows in {time.monotonic() - began:.0f} s, "
                     f"{rate:,.0f} rows/s")
        return rate

    def catalog(self, rows, order, short=False):
        """A catalog as the library would have filled it; short: of paths with a mean of MEAN_PATH
        bytes."""
        name = f"{rows}-{'short' if short else order}"
        database = self.folder / f"{name}.db"
        if not self.is_ready(name, self.schema()):
            remove(database)
            rate = self.fill("catalog", rows, order, database,
                             self.folder / "paths75" if short else self.paths)
            settle(database)
            self.index(database)
            subprocess.run([BUILD / "strongroom", "--db", database, "optimize", "--analyze-only"],
                           stdout=subprocess.DEVNULL, check=True)
            self.set_ready(name, self.schema(), rate=rate)
        return database

    def index(self, database):
        """Makes the search index: the files were not written by the library."""
        took = subprocess.run([BUILD / "bench/bench_search", "catalog", database], input="index\n",
                              stdout=subprocess.PIPE, text=True, check=True).stdout.split()[0]
        self.say(f"{database.name}: its index in {float(took):.1f} s")

    def plocate(self, rows, order):
        """plocate's database of the same paths in the same order."""
        name = f"{rows}-{order}"
        database = self.folder / f"{name}.plocate"
        if not self.is_ready(f"{name}-plocate", self.form()):
            listed = self.folder / f"{name}.names"
            self.fill("names", rows, order, listed)
            subprocess.run(["plocate-build", "--plaintext", "--require-visibility", "no", listed,
                            database], check=True)
            listed.unlink()
            self.set_ready(f"{name}-plocate", self.form())
        return database

    def original(self, rows, own_indexes=False):
        """What the original's Python made: its tables, its migrations' indexes, analyzed; with those
        that it makes by itself at every start as well."""
        if own_indexes:
            return self.original_started(rows)
        name = f"{rows}-original"
        database = self.folder / f"{name}.db"
        if not self.is_ready(name, self.form()):
            remove(database)
            scripts = migrations()
            run_script(database, "".join(scripts[i] for i in (0, 2, 3, 4, 5)))
            rate = self.fill("original", rows, "walk", database)
            run_script(database, "PRAGMA cache_size = -1000000;" + scripts[1] + "ANALYZE;")
            self.set_ready(name, self.form(), rate=rate)
        return database

    def original_started(self, rows):
        name = f"{rows}-original-started"
        database = self.folder / f"{name}.db"
        if not self.is_ready(name, self.form()):
            shutil.copyfile(self.original(rows), database)
            run_script(database, "PRAGMA cache_size = -1000000;" + OWN_INDEXES + "ANALYZE;")
            self.set_ready(name, self.form())
        return database

    def prepare(self, rows, smaller, peers):
        """All of it, two at a time."""
        tasks = [lambda: self.catalog(rows, "shuffled"), lambda: self.catalog(rows, "walk"),
                 lambda: self.original(rows), lambda: self.catalog(smaller, "walk", short=True)]
        if smaller != rows:
            tasks += [lambda: self.catalog(smaller, "walk"), lambda: self.original(smaller)]
        if "plocate" in peers:
            tasks += [lambda: self.plocate(rows, "walk"), lambda: self.plocate(rows, "shuffled")]
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            for done in [pool.submit(task) for task in tasks]:
                done.result()

    def copy(self, database, name):
        """A copy that may be written, to be removed by the caller."""
        target = self.folder / name
        remove(target)
        shutil.copyfile(database, target)
        return target


def migrations():
    """The SQL of each, by its number."""
    return {int(path.name[:4]): path.read_text()
            for path in sorted((ROOT / "migrations/sqlite").glob("*.up.sql"))}


def statements(script):
    """One after the other; a trigger is one. Comments stay."""
    gathered = ""
    for line in script.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered
            gathered = ""


def settle(database):
    """Counts in the catalog what triggers would have counted, by the statements with which its
    migrations counted the files that were there."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA cache_size = -1000000")
    connection.execute("BEGIN")
    emptied = set()
    for script in migrations().values():
        for statement in statements(script):
            counts = re.search(r"^INSERT (?:OR \w+ )?INTO (\w+)[^;]*\bFROM files\b[^;]*;", statement,
                               re.MULTILINE)
            if counts is None or re.search(r"^CREATE", statement, re.MULTILINE):
                continue
            if counts.group(1) not in emptied:
                connection.execute(f"DELETE FROM {counts.group(1)}")
                emptied.add(counts.group(1))
            connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()


def run_script(database, script):
    connection = sqlite3.connect(database, isolation_level=None)
    connection.executescript(script)
    connection.close()
