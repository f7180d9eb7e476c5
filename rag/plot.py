"""Plots as SVG inside a page: lines, bars, whiskers. Knows nothing about what is plotted; colours are the page's.

Everything is an element of `rag.html`, which escapes it. Lines differ in their dashes too, for readers and printers
without colours.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.html import Content, Markup, element

WIDTH, HEIGHT = 480.0, 290.0  # of a plot, in units of its own; it is scaled to the page
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 466.0, 34.0, 244.0  # of the area inside the axes
_LEGEND = 16.0  # baseline of the legend
_NAME = 25  # letters of a bar's name that have room


@dataclass(frozen=True, slots=True)
class Axis:
    """One side of a plot."""

    label: str
    ticks: Sequence[tuple[float, str]]  # (value, what stands there)
    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value lies between the ends, 0..1; those outside lie at the end."""
        scale: Callable[[float], float] = math.log if self.log else float
        span = scale(self.high) - scale(self.low)
        return min(max((scale(max(value, self.low)) - scale(self.low)) / span, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot."""

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()  # (x, low, high)
    dots: bool = False


def unit(label: str) -> Axis:
    """An axis from 0 to 1."""
    return Axis(label, [(share / 5, f"{share / 5:.1f}") for share in range(6)], 0.0, 1.0)


def milliseconds(label: str, values: Sequence[float]) -> Axis:
    """A logarithmic axis in steps of 1, 2 and 5 that holds all the values."""
    low, high = max(min(values), 0.1), max(*values, 0.2)
    steps = [digit * 10.0**power for power in range(-1, 8) for digit in (1, 2, 5)]
    first = max(step for step in steps if step <= low)
    last = min((step for step in steps if step >= high and step > first), default=steps[-1])
    inside = [step for step in steps if first <= step <= last]
    shown = inside if len(inside) <= 8 else [step for step in inside if math.log10(step).is_integer()]
    return Axis(
        label, [(step, f"{step:g}" if step < 10_000 else f"{step:,.0f}") for step in shown], first, last, log=True
    )


def lines(
    title: str, caption: str, x: Axis, y: Axis, series: Sequence[Series], mark: tuple[float, str] | None = None
) -> Markup:
    """Lines over two axes, and a vertical mark at one value of x with its words."""
    return _figure(
        title,
        caption,
        _axes(x, y),
        [_mark(x, *mark)] if mark else [],
        [_line(number, one, x, y) for number, one in enumerate(series)],
        _legend([one.name for one in series]),
    )


def histogram(
    title: str,
    caption: str,
    x: Axis,
    label: str,
    series: Sequence[tuple[str, Sequence[float]]],
    mark: tuple[float, str] | None = None,
) -> Markup:
    """How many values of each series fall into each tenth of the axis, side by side."""
    bins = 10
    counted = [_counts(values, x, bins) for _, values in series]
    most = max((max(one) for one in counted), default=0) or 1
    step = max(1, math.ceil(most / 5))
    top = step * math.ceil(most / step)
    y = Axis(label, [(count, str(count)) for count in range(0, top + 1, step)], 0.0, float(top))
    width = (_RIGHT - _LEFT) / bins
    bar = width * 0.8 / max(len(series), 1)
    bars = [
        element(
            "rect",
            class_=f"fill s{number}",
            x=_LEFT + index * width + width * 0.1 + number * bar,
            y=_down(y, count),
            width=bar,
            height=_BOTTOM - _down(y, count),
        )
        for number, one in enumerate(counted)
        for index, count in enumerate(one)
        if count
    ]
    names = [f"{name} ({len(values)})" for name, values in series]
    return _figure(title, caption, _axes(x, y), bars, [_mark(x, *mark)] if mark else [], _legend(names))


@dataclass(frozen=True, slots=True)
class Columns:
    """One series of columns."""

    name: str
    values: Sequence[float]  # one for each column


def columns(title: str, caption: str, x: Axis, label: str, series: Sequence[Columns]) -> Markup:
    """Columns side by side from one end of the axis to the other; each later series stands in front of the first."""
    count = max(len(one.values) for one in series)
    y = whole(label, max((max(one.values, default=0.0) for one in series), default=0.0))
    width = (_RIGHT - _LEFT) / count
    drawn = [
        element(
            "rect",
            class_=f"{'bar' if number == 0 else 'fill'} s{number}",
            x=_LEFT + index * width + width * 0.08,
            y=_down(y, value),
            width=width * 0.84,
            height=_BOTTOM - _down(y, value),
        )
        for number, one in enumerate(series)
        for index, value in enumerate(one.values)
        if value
    ]
    return _figure(title, caption, _axes(x, y), drawn, _legend([one.name for one in series]))


def whole(label: str, most: float) -> Axis:
    """An axis from 0 in round steps that holds a count."""
    rough = max(most, 1.0) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(1.0, next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough))
    top = step * math.ceil(max(most, 1.0) / step)
    return Axis(label, [(step * n, _short(step * n)) for n in range(round(top / step) + 1)], 0.0, top)


def _short(value: float) -> str:
    """A count on an axis: 1,500,000 as 1.5M."""
    for size, unit_ in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 10 * size or (value >= size and value % (size / 10) == 0):
            return f"{value / size:g}{unit_}"
    return f"{value:g}"


def bars(title: str, caption: str, rows: Sequence[tuple[str, float]], classes: Sequence[str] = ()) -> Markup:
    """A bar for each value, from the left, with its name before and its number behind. `classes`: one for each bar."""
    most = max((value for _, value in rows), default=0.0) or 1.0
    high, left, right = 24.0, 160.0, WIDTH - 70.0
    parts = []
    for index, (name, value) in enumerate(rows):
        at = index * high
        wide = (right - left) * value / most
        shown = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
        parts.append(
            element(
                "g",
                element("title", f"{name}: {value:,.0f}"),
                element("text", shown, class_="label", x=left - 8, y=at + 16, text_anchor="end"),
                element(
                    "rect",
                    class_=f"bar {classes[index] if classes else 's0'}",
                    x=left,
                    y=at + 4,
                    width=max(wide, 1.0),
                    height=high - 8,
                ),
                element("text", f"{value:,.0f}", x=left + wide + 6, y=at + 16),
            )
        )
    return element(
        "figure",
        element("h3", title),
        element(
            "svg",
            parts,
            viewBox=f"0 0 {WIDTH:g} {max(len(rows), 1) * high:g}",
            width="100%",
            role="img",
            aria_label=title,
        ),
        element("figcaption", caption),
    )


def whisker(value: float, low: float, high: float) -> Markup:
    """A value in 0..1 as a bar with its interval, to stand in a table's cell."""
    wide, high_, middle = 140.0, 14.0, 7.0
    return element(
        "svg",
        element("rect", x=0.0, y=3.0, width=wide, height=8.0, class_="band s0"),
        element("rect", x=0.0, y=3.0, width=wide * value, height=8.0, class_="bar s0"),
        element("line", x1=wide * low, x2=wide * high, y1=middle, y2=middle, class_="ink"),
        [element("line", x1=wide * end, x2=wide * end, y1=3.5, y2=10.5, class_="ink") for end in (low, high)],
        width=wide,
        height=high_,
        viewBox=f"0 0 {wide:g} {high_:g}",
        role="img",
        aria_label=f"{value:.2f}, interval {low:.2f} to {high:.2f}",
    )


def _figure(title: str, caption: str, *content: Content) -> Markup:
    view = f"0 0 {WIDTH:g} {HEIGHT:g}"
    return element(
        "figure",
        element("h3", title),
        element("svg", *content, viewBox=view, width="100%", role="img", aria_label=title),
        element("figcaption", caption),
    )


def _right(axis: Axis, value: float) -> float:
    return _LEFT + axis.share(value) * (_RIGHT - _LEFT)


def _down(axis: Axis, value: float) -> float:
    return _BOTTOM - axis.share(value) * (_BOTTOM - _TOP)


def _axes(x: Axis, y: Axis) -> list[Markup]:
    middle = (_TOP + _BOTTOM) / 2
    parts = []
    for value, words in y.ticks:
        at = _down(y, value)
        parts.append(element("line", class_="grid", x1=_LEFT, x2=_RIGHT, y1=at, y2=at))
        parts.append(element("text", words, x=_LEFT - 7, y=at + 4, text_anchor="end"))
    for value, words in x.ticks:
        at = _right(x, value)
        parts.append(element("line", class_="axis", x1=at, x2=at, y1=_BOTTOM, y2=_BOTTOM + 4))
        parts.append(element("text", words, x=at, y=_BOTTOM + 17, text_anchor="middle"))
    parts.append(element("line", class_="axis", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM))
    parts.append(element("text", x.label, class_="label", x=(_LEFT + _RIGHT) / 2, y=HEIGHT - 10, text_anchor="middle"))
    turned = f"rotate(-90 12 {middle:g})"
    parts.append(element("text", y.label, class_="label", x=12.0, y=middle, text_anchor="middle", transform=turned))
    return parts


def _line(number: int, series: Series, x: Axis, y: Axis) -> list[Markup]:
    parts = []
    if series.band:
        above = [f"{_right(x, at):.1f},{_down(y, high):.1f}" for at, _, high in series.band]
        below = [f"{_right(x, at):.1f},{_down(y, low):.1f}" for at, low, _ in reversed(series.band)]
        parts.append(element("polygon", class_=f"band s{number}", points=" ".join(above + below)))
    at = [(_right(x, one), _down(y, other)) for one, other in series.points]
    parts.append(
        element("polyline", class_=f"line s{number}", points=" ".join(f"{one:.1f},{other:.1f}" for one, other in at))
    )
    if series.dots:
        parts += [element("circle", class_=f"fill s{number}", cx=one, cy=other, r=2.5) for one, other in at]
    return parts


def _mark(x: Axis, value: float, words: str) -> list[Markup]:
    at = _right(x, value)
    late = x.share(value) > 0.6
    return [
        element("line", class_="mark", x1=at, x2=at, y1=_TOP, y2=_BOTTOM),
        element(
            "text",
            words,
            class_="label",
            x=at + (-5 if late else 5),
            y=_TOP + 11,
            text_anchor="end" if late else "start",
        ),
    ]


def _legend(names: Sequence[str]) -> list[Markup]:
    parts, at = [], _LEFT
    for number, name in enumerate(names):
        parts.append(element("line", class_=f"line s{number}", x1=at, x2=at + 22, y1=_LEGEND - 4, y2=_LEGEND - 4))
        parts.append(element("text", name, class_=f"s{number}", x=at + 28, y=_LEGEND))
        at += 28 + 6.4 * len(name) + 26  # about what a letter of the page's font takes
    return parts


def _counts(values: Sequence[float], x: Axis, bins: int) -> list[int]:
    found = [0] * bins
    for value in values:
        found[min(int(x.share(value) * bins), bins - 1)] += 1
    return found
