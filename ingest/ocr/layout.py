"""Puts the recognised lines of a page in reading order: columns first, then lines from top to bottom.

Pure geometry. A gutter divides a page only where both sides look like prose: several lines, most of them long and as
wide as their column. The cells of a table do not, so that a table is read row by row, its cells joined by spaces; only
a table of long sentences in every column is taken for columns of text, and read one after the other.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

Point = tuple[float, float]  # x, y in pixels; y grows downwards
Quad = tuple[Point, Point, Point, Point]  # top left, top right, bottom right, bottom left

MIN_COLUMN_LINES = 4
MIN_COLUMN_LETTERS = 15  # of the median line. Newspaper columns have 30; cells mostly hold fewer
MIN_COLUMN_FILL = 0.6  # median width of a column's lines, as a share of the column's width
MIN_SKEW_SHAPE = 5  # times as wide as high: only long lines tell the page's slope
_SAME_LINE = 0.4  # of the lower box's height that must lie beside its neighbour; lines of a paragraph have up to 0.26
_MAX_DEPTH = 12  # columns within columns


@dataclass(frozen=True, slots=True)
class Box:
    """A recognised line, or the part of one that stands apart, on an upright page."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Half-way down."""
        return (self.top + self.bottom) / 2


def upright(lines: Iterable[tuple[Quad, str]]) -> list[Box]:
    """Boxes of lines whose corners stand on a page that may be a few degrees askew: the page's slope is taken out."""
    lines = list(lines)
    slope = _slope([quad for quad, _ in lines])
    cosine, sine = math.cos(slope), math.sin(slope)
    boxes = []
    for quad, text in lines:
        x, y = sum(point[0] for point in quad) / 4, sum(point[1] for point in quad) / 4
        width = (math.dist(quad[0], quad[1]) + math.dist(quad[3], quad[2])) / 2
        height = (math.dist(quad[0], quad[3]) + math.dist(quad[1], quad[2])) / 2
        x, y = x * cosine + y * sine, y * cosine - x * sine
        boxes.append(Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2, text))
    return boxes


def text_of(boxes: Sequence[Box]) -> str:
    """The text of a page in reading order, one line of it a line. Each box's text occurs in it once."""
    return "\n".join(_read(list(boxes), 0))


def _slope(quads: Sequence[Quad]) -> float:
    """Median angle of the long lines' upper edges, in radians; 0 where no line is long."""
    angles = [
        math.atan2(b[1] - a[1], b[0] - a[0])
        for a, b, _, d in quads
        if math.dist(a, b) >= MIN_SKEW_SHAPE * max(math.dist(a, d), 1.0)
    ]
    return median(angles) if angles else 0.0


def _overlap(one: Box, other: Box) -> float:
    """How far two boxes stand beside each other, as a share of the lower one's height; below 0 where they do not."""
    return (min(one.bottom, other.bottom) - max(one.top, other.top)) / max(min(one.height, other.height), 1.0)


def _read(boxes: list[Box], depth: int) -> list[str]:
    parts = _columns(boxes) if depth < _MAX_DEPTH else None
    if parts is None:
        return [_joined(line) for line in _lines(boxes)]
    return [line for part in parts for line in _read(part, depth + 1)]


def _joined(line: Sequence[Box]) -> str:
    return " ".join(box.text for box in sorted(line, key=lambda box: (box.left, box.top)))


def _lines(boxes: Iterable[Box]) -> list[list[Box]]:
    """Boxes that stand beside each other, from top to bottom."""
    lines: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: (box.middle, box.left)):
        if lines and _beside(lines[-1], box):
            lines[-1].append(box)
        else:
            lines.append([box])
    return lines


def _beside(line: Sequence[Box], box: Box) -> bool:
    """Whether `box` goes on with `line`: as high as its nearest box to the left or right, and over none of them."""
    if any(min(other.right, box.right) - max(other.left, box.left) > _slack(other, box) for other in line):
        return False
    before = max((other for other in line if other.left <= box.left), key=lambda other: other.right, default=None)
    after = min((other for other in line if other.left > box.left), key=lambda other: other.left, default=None)
    return any(_overlap(other, box) >= _SAME_LINE for other in (before, after) if other)


def _slack(one: Box, other: Box) -> float:
    """Boxes are found a little too wide; as much as this may two of them overlap that stand beside each other."""
    return (one.height + other.height) / 2


def _columns(boxes: list[Box]) -> tuple[list[Box], list[Box], list[Box], list[Box]] | None:
    """What stands above two columns, the left one, the right one, and what stands below; None if there are none."""
    best: tuple[list[Box], list[Box], list[Box], list[Box]] | None = None
    held = 0
    ordered = sorted(boxes, key=lambda box: (box.middle, box.left))
    for x in sorted({math.floor(box.left) for box in boxes}):
        for parts in _divided(ordered, x):
            _, left, right, _ = parts
            # The right side may be columns again. Then the left one is the first of them, not two of three.
            if len(left) + len(right) > held and _is_prose(left) and (_is_prose(right) or _columns(right)):
                best, held = parts, len(left) + len(right)
    return best


def _divided(ordered: list[Box], x: float) -> Iterable[tuple[list[Box], list[Box], list[Box], list[Box]]]:
    """The bands between boxes that cross `x`, left and right of it, each with what is above it and below."""
    crossing = [index for index, box in enumerate(ordered) if box.left < x < box.right]
    for first, last in zip([-1, *crossing], [*crossing, len(ordered)], strict=True):
        band = ordered[first + 1 : last]
        if len(band) < 2 * MIN_COLUMN_LINES:
            continue
        left, right = [box for box in band if box.right <= x], [box for box in band if box.left >= x]
        if left and right:
            yield ordered[: first + 1], left, right, ordered[last:]


def _is_prose(column: list[Box]) -> bool:
    if len(column) < MIN_COLUMN_LINES or median(len(box.text) for box in column) < MIN_COLUMN_LETTERS:
        return False
    width = max(box.right for box in column) - min(box.left for box in column)
    return median(box.right - box.left for box in column) >= MIN_COLUMN_FILL * width
