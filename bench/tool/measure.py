"""Both sides of a pair in turns, and what comes of it."""

import statistics
import time

from targets import TARGETS, matches

ROUNDS = 7
FEWEST = 3
BUDGET = 12.0  # Seconds of a pair, after which FEWEST rounds are enough.
PATIENCE = 40.0  # Seconds, after which what there is must do.


class Results:
    """Samples of both sides by name, and the lines of the JSON made of them."""

    def __init__(self, rows, rounds, only, say):
        self.rows, self.rounds, self.only, self.say = rows, rounds, only, say
        self.results = {}

    def wants(self, *names):
        return not self.only or any(
            matches(name, self.only) or any(one.startswith(name + ".") for one in self.only)
            for name in names)

    def add(self, name, ours, theirs=(), rows=None, note=None):
        """ours and theirs: samples in the order in which they ran."""
        target = TARGETS.get(name.partition("@")[0])
        rows = self.rows if rows is None else rows
        of_rounds = max if target.worst else statistics.median
        value = of_rounds(ours) if ours else None
        baseline = of_rounds(theirs) if theirs else None
        pairs = [ratio_of(target.unit, mine, other) for mine, other in zip(ours, theirs)]
        ratio = statistics.median(pairs) if pairs else None
        result = {
            "name": name,
            "unit": target.unit,
            "value": value,
            "baseline": baseline,
            "ratio": ratio,
            "target": target.words if "@" not in name else None,
            "met": target.met(value, ratio, rows) if "@" not in name else None,
            "rows": rows,
            "rounds": len(ours),
            "spread": [min(ours), max(ours)] if ours else None,
            "baseline_spread": [min(theirs), max(theirs)] if theirs else None,
            "ratio_spread": [min(pairs), max(pairs)] if pairs else None,
        }
        if note:
            result["note"] = note
        self.results[name] = result
        self.say(line_of(result))

    def missing(self, name, why):
        self.add(name, [], note=why)

    def pair(self, name, ours, theirs=None, rows=None, scale=1000.0):
        """Runs both, which return seconds, in turns; the first turn only warms both."""
        mine, other = [], []
        ours()
        if theirs:
            theirs()
        began = time.monotonic()
        while len(mine) < self.rounds:
            mine.append(ours() * scale)
            if theirs:
                other.append(theirs() * scale)
            took = time.monotonic() - began
            if took > PATIENCE or (took > BUDGET and len(mine) >= FEWEST):
                break
        self.add(name, mine, other, rows)


def ratio_of(unit, mine, other):
    """How many times better ours is."""
    if unit.endswith("/s"):
        return mine / other if other else None
    return other / mine if mine else float("inf")


def number(value):
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def line_of(result):
    words = f"{result['name']:26}"
    if result["value"] is None:
        return f"{words} {result.get('note', 'not measured')}"
    words += f" {number(result['value']):>9} {result['unit']}"
    if result["rounds"] > 1:
        words += f" ({number(result['spread'][0])} to {number(result['spread'][1])})"
    if result["baseline"] is not None:
        words += f", beside {number(result['baseline'])}: {number(result['ratio'])} x"
    if result["target"]:
        met = {True: "met", False: "MISSED", None: "for other rows"}[result["met"]]
        words += f"; {result['target']}: {met}"
    return words
