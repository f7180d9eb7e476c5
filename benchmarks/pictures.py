"""A page of bars as one SVG file that stands alone. Knows nothing about what is measured.

Text enters through `rag.html.element`, which escapes it. Colours follow the reader's light or dark page.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rag.html import Markup, element

WIDTH = 920.0
_COLUMNS = 2
_NAME, _VALUE = 140.0, 110.0  # what a bar's name and its number take
_ROW, _HEAD, _GAP = 20.0, 26.0, 22.0
_STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2127; --quiet: #5d6773; --one: #1f66c7; --two: #9aa4b0; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181c; --ink: #e4e7eb; --quiet: #9aa4b0; --one: #6ea8fe; --two: #5d6773; } }
text { font: 12px system-ui, "Segoe UI", "Liberation Sans", sans-serif; fill: var(--ink); }
.title { font-size: 17px; font-weight: 600; } .head { font-weight: 600; } .quiet { fill: var(--quiet); }
.paper { fill: var(--paper); } .ours { fill: var(--one); } .other { fill: var(--two); }
line { stroke: var(--ink); }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with the range of its runs."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars of one measure."""

    title: str
    unit: str
    bars: Sequence[Bar]


def draw(title: str, taken: str, panels: Sequence[Panel]) -> str:
    """The file's text.

    Args:
        taken: when and on which machine the figures were taken.
    """
    parts: list[Markup] = []
    top = 70.0
    for first in range(0, len(panels), _COLUMNS):
        row = panels[first : first + _COLUMNS]
        for place, panel in enumerate(row):
            parts.append(_panel(panel, place * (WIDTH / _COLUMNS) + 16, top))
        top += _HEAD + _ROW * max(len(panel.bars) for panel in row) + _GAP
    height = top
    picture = element(
        "svg",
        element("style", Markup(_STYLE)),
        element("rect", class_="paper", x=0.0, y=0.0, width=WIDTH, height=height),
        element("text", title, class_="title", x=16.0, y=30.0),
        element("text", taken, class_="quiet", x=16.0, y=50.0),
        parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        aria_label=title,
    )
    return f"{picture}\n"


def _panel(panel: Panel, left: float, top: float) -> Markup:
    room = WIDTH / _COLUMNS - 32 - _NAME - _VALUE
    most = max((bar.high or bar.value for bar in panel.bars), default=0.0) or 1.0
    parts = [element("text", f"{panel.title}, {panel.unit}", class_="head", x=left, y=top + 12)]
    start = left + _NAME
    for place, bar in enumerate(panel.bars):
        at = top + _HEAD + place * _ROW
        end = start + room * bar.value / most
        parts.append(element("text", bar.name, x=start - 8, y=at + 11, text_anchor="end"))
        kind = "ours" if bar.ours else "other"
        parts.append(element("rect", class_=kind, x=start, y=at, width=max(end - start, 1.0), height=_ROW - 6))
        said = _number(bar.value)
        if bar.low is not None and bar.high is not None and bar.high > bar.low:
            one, other = (start + room * edge / most for edge in (bar.low, bar.high))
            parts.append(element("line", x1=one, x2=other, y1=at + 7, y2=at + 7))
            end = max(end, other)
            said = f"{said} ({_number(bar.low)}–{_number(bar.high)})"
        parts.append(element("text", said, x=end + 6, y=at + 11))
    return element("g", parts)


def _number(value: float) -> str:
    """Three figures of a number, no more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
