"""RESULTS.md and plots from the JSON of runs."""

from measure import number
from plot import Series, draw
from targets import ORDERS, TARGETS

NOTES = "<!-- What follows is written by hand and kept. -->"
BLUE, ORANGE, GREEN, GREY = "#0969da", "#bc4c00", "#1a7f37", "#6e7781"
GROWING = ("search.common", "search.rare", "search.none", "search.two", "search.one", "filters",
           "process.common", "process.rare", "process.none")


def by_name(run):
    return {result["name"]: result for result in run["results"]}


def spread_of(spread, rounds):
    if not spread or rounds < 2:
        return ""
    return f" ({number(spread[0])}–{number(spread[1])})"


def verdict(result):
    return {True: "met", False: "**missed**", None: "–"}[result["met"]]


def table(run):
    yield "| name | what | against | target | ours | theirs | ratio | |"
    yield "|---|---|---|---|---|---|---|---|"
    results = by_name(run)
    for name, target in TARGETS.items():
        result = results.get(name)
        if result is None:
            continue
        ours = theirs = ratio = "–"
        if result["value"] is not None:
            ours = (f"{number(result['value'])} {result['unit']}"
                    + spread_of(result["spread"], result["rounds"]))
        elif result.get("note"):
            ours = result["note"]
        if result["baseline"] is not None:
            theirs = (f"{number(result['baseline'])} {result['unit']}"
                      + spread_of(result["baseline_spread"], result["rounds"]))
            ratio = f"{number(result['ratio'])} x"
        words = target.words or "–"
        if target.rows not in (None, result["rows"]):
            words += f" at {target.rows:,} rows"
        yield (f"| `{name}` | {target.line} | {target.against.replace('|', chr(92) + '|') or '–'} | {words.replace('>=', '≥').replace('<=', '≤')} "
               f"| {ours} | {theirs} | {ratio.replace(' x', ' ×')} | {verdict(result)} |")


def growth(runs):
    """Medians by rows, of what depends on them."""
    yield "| milliseconds | " + " | ".join(f"{run['rows']:,}" for run in runs) + " |"
    yield "|---|" + "---|" * len(runs)
    for name in [f"{one}.{order}" for one in GROWING for order in ORDERS] + ["statistics.10m", "open"]:
        cells = []
        for run in runs:
            result = by_name(run).get(name)
            if result is None or result["value"] is None:
                cells.append("–")
                continue
            other = "" if result["baseline"] is None else f" / {number(result['baseline'])}"
            cells.append(number(result["value"]) + other)
        if any(cell != "–" for cell in cells):
            yield f"| `{name}` | " + " | ".join(cells) + " |"


def described(run):
    machine = run["machine"]
    terms = ", ".join(f"{name.replace('_', ' ')} `{term['term']}` ({100 * term['share']:.3g} %)"
                      for name, term in machine["terms"].items())
    return (f"{machine['date']}, commit {machine['commit']}: {machine['cores']} cores of "
            f"{machine['processor']}, {machine['memory'] / 2**30:.0f} GiB, {machine['file_system']}, "
            f"Linux {machine['kernel']}, SQLite {machine['sqlite']}, plocate {machine['plocate']}, "
            f"restic {machine['restic']}. {machine['paths']:,} paths of this machine, mean "
            f"{machine['mean_path']:.0f} bytes, make {run['rows']:,} rows. Terms and the share of the "
            f"paths that hold them: {terms}.")


def summary(run):
    met = [result["met"] for result in run["results"]]
    return f"{met.count(True)} met, {met.count(False)} missed"


def page(runs, plots, notes):
    run = runs[-1]
    lines = ["# Results", "",
             "Written by `bench/run --report`; nothing here was measured in another way than by `bench/run`.",
             "[README.md](README.md) says how. Times are medians of rounds in which both sides took turns, with",
             "their spread; a ratio is how many times better ours is, the median over the pairs.", "",
             f"## The table of targets, at {run['rows']:,} rows", "", described(run), "",
             f"**{summary(run)}.**", "", *table(run), "",
             "## How cost grows with rows", ""]
    if len(runs) > 1:
        lines += ["Medians in milliseconds, ours / theirs.", "", *growth(runs), ""]
    for name, alternative in plots:
        lines += [f"![{alternative}](plots/{name})", ""]
    return "\n".join(lines) + "\n" + notes


def against_rows(runs, names, side):
    for name in names:
        yield name, [(run["rows"], by_name(run)[name][side]) for run in runs
                     if name in by_name(run) and by_name(run)[name][side]]


def plot_rows(runs):
    ticks = sorted({run["rows"] for run in runs})
    series = []
    for term, colour in (("common", BLUE), ("rare", ORANGE), ("none", GREEN)):
        name = f"search.{term}.walk"
        for _, points in against_rows(runs, [name], "value"):
            series.append(Series(f"strongroom, {term}", colour, points))
        for _, points in against_rows(runs, [name], "baseline"):
            series.append(Series(f"plocate -i, {term}", colour, points, dashed=True))
    return draw("Searching: the newest 1,000 hits with all columns",
                "milliseconds against rows, walk order", "rows", ticks, series)


def plot_other(runs):
    ticks = sorted({run["rows"] for run in runs})
    series = []
    for name, label, colour in (("filters.walk", "filters", BLUE), ("statistics.10m", "statistics", ORANGE),
                                ("open", "open", GREEN)):
        for _, points in against_rows(runs, [name], "value"):
            series.append(Series(label, colour, points))
        for _, points in against_rows(runs, [name], "baseline"):
            series.append(Series(f"{label}, SQL", colour, points, dashed=True))
    return draw("Filters, statistics, opening", "milliseconds against rows", "rows", ticks, series)


def plot_threads(run):
    series, ticks = [], set()
    for side, label, colour, dashed in (("value", "strongroom", BLUE, False),
                                        ("baseline", "a connection a thread", GREY, True)):
        points = [(int(name.partition("@")[2]), result[side]) for name, result in by_name(run).items()
                  if name.startswith("writers.rows@") and result[side]]
        ticks |= {x for x, _ in points}
        series.append(Series(label, colour, points, dashed))
    if len(ticks) < 2:
        return None
    return draw("Many writers at once, every row durable", "rows a second against threads", "threads",
                sorted(ticks), series)


def write(runs, folder):
    runs = sorted(runs, key=lambda run: run["rows"])
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    plots = []
    for name, alternative, drawing in (
            ("search-rows.svg", "Time of a search against rows, beside plocate", plot_rows(runs)),
            ("other-rows.svg", "Time of filters, statistics and opening against rows", plot_other(runs)),
            ("writers-threads.svg", "Rows a second against threads", plot_threads(runs[-1]))):
        if drawing is not None:
            (folder / "plots" / name).write_text(drawing)
            plots.append((name, alternative))
    results = folder / "RESULTS.md"
    notes = ""
    if results.exists():
        _, mark, rest = results.read_text().partition(NOTES)
        notes = mark + rest
    results.write_text(page(runs, plots, notes or NOTES + "\n"))
