"""A plot of lines as SVG: both axes logarithmic, each line labelled at its end."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 175, 56, 52
INK, FAINT, GRID = "#1f2328", "#59636e", "#e4e7eb"
LINE_HEIGHT = 15


class Series:
    """points: (x, y), both above 0. dashed is for the other side."""

    def __init__(self, label, colour, points, dashed=False):
        self.label, self.colour, self.dashed = label, colour, dashed
        self.points = sorted((x, max(y, 1e-6)) for x, y in points)


def short(value):
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"


def bounds(values):
    """Whole powers of ten around them."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def text(x, y, words, size=12, colour=FAINT, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>')


def spread(labels):
    """Moves labels (y, …) apart, so that none lies upon another."""
    labels.sort()
    for i in range(1, len(labels)):
        labels[i][0] = max(labels[i][0], labels[i - 1][0] + LINE_HEIGHT)
    return labels


def draw(title, subtitle, x_label, ticks, series):
    """ticks are the places on the horizontal axis that are named."""
    series = [one for one in series if one.points]
    left, right = math.log10(min(ticks)), math.log10(max(ticks))
    low, high = bounds([y for one in series for _, y in one.points])

    def place(x, y):
        across = (math.log10(x) - left) / ((right - left) or 1)
        up = (math.log10(y) - low) / (high - low)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
           f'height="{HEIGHT}" font-family="system-ui, sans-serif" role="img">',
           f"<title>{escape(title)}</title>",
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
           text(LEFT, 24, title, 15, INK, weight="600"), text(LEFT, 42, subtitle)]
    for power in range(low, high + 1):
        _, y = place(10 ** left, 10 ** power)
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        out.append(text(LEFT - 8, y + 4, short(10.0 ** power), anchor="end"))
    for tick in ticks:
        x, _ = place(tick, 10 ** low)
        out.append(text(x, HEIGHT - BOTTOM + 18, short(tick), anchor="middle"))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_label, anchor="middle"))
    labels = []
    for one in series:
        places = [place(x, y) for x, y in one.points]
        dash = ' stroke-dasharray="5 4"' if one.dashed else ""
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        out.append(f'<polyline points="{line}" fill="none" stroke="{one.colour}" stroke-width="2"{dash}/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{one.colour}"/>' for x, y in places]
        labels.append([places[-1][1] + 4, one])
    for y, one in spread(labels):
        out.append(text(WIDTH - RIGHT + 10, y, one.label, 12, one.colour))
    return "\n".join([*out, "</svg>"]) + "\n"
