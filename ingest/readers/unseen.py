"""Which letters of a page nobody sees. Knows no PDF, only two pictures of the page and where its letters stand.

A letter is seen where the page looks different without it. So the two pictures are the page as it is shown, and the
page with all text left out: white on white, a colour on the same colour, text under a picture, text that is clipped,
drawn in no way at all or on a layer that is off, all are one case, and white letters on a dark table head are none.
Looked at coarsely first, box by box; letter by letter only on pages where a box gives reason to.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy takes 0.1 s to import, and `rag --help` loads this module's table of reasons
    import numpy as np
    from numpy.typing import NDArray

COARSE, FINE = 36, 108
"""Dots an inch of the two looks. At 36 a page takes 2 ms to draw; at 108 a stroke of ordinary print fills a pixel."""
CONTRAST = 25
"""Levels of 255 by which a letter has to change some channel of a pixel; #e6e6e6 on white is at the limit. Of 113,000
text objects on 227 pages of procedures, annual reports and the sample office none but truly tiny ones has less at 36
dots an inch."""
FLAT = 2.0
"""Points; a line of text that is no higher may be too small to read."""
SMALL = 2.25
"""Square points of a letter that is too small to read. In a font of 2 points all but W have less, 0.7 to 1.8; in one of
4 points all have more, from 2.6 on for a narrow l."""
GAP = 2  # letters
LEAST = 3  # letters in a row; fewer say nothing, and a single thin letter may fall between pixels
_CELL = 3  # times its height: the length of a piece of a line that has to show something of its own
_IMAGE = 60  # levels between the darkest and the lightest pixel of what an image shows at a letter's place


class Why(StrEnum):
    """Why nobody sees a piece of text, as it is told to people."""

    BEYOND = "beyond the edge of the page"
    SMALL = "smaller than 2 points"
    UNSEEN = "not to be told from what is behind or over it"


def difference(shown: "NDArray[np.uint8]", bare: "NDArray[np.uint8]") -> "NDArray[np.bool_]":
    """Where two pictures `(height, width, channels)` of a page differ by CONTRAST or more, `(height, width)`."""
    import numpy as np

    apart = np.maximum(shown, bare)
    apart -= np.minimum(shown, bare)
    changed = apart >= CONTRAST
    # Channel by channel: numpy takes ten times as long to go over an axis of three.
    seen = changed[:, :, 0].copy()
    for channel in range(1, changed.shape[2]):
        seen |= changed[:, :, channel]
    return np.asarray(seen)


def suspicious(ink: "NDArray[np.bool_]", boxes: "NDArray[np.float64]") -> "NDArray[np.bool_]":
    """Boxes `(n, 4)` of pieces of text (left, top, right, bottom, in pixels of `ink`) a part of which shows nothing.

    A box is cut along its longer side, so that half a line that is covered is not missed for the other half.
    """
    import numpy as np

    if not len(boxes):
        return np.zeros(0, dtype=np.bool_)
    width, height = (boxes[:, 2] - boxes[:, 0]), (boxes[:, 3] - boxes[:, 1])
    long, short = np.maximum(width, height), np.minimum(width, height)
    count = np.clip(long // (_CELL * np.maximum(short, 4)), 1, 1000).astype(np.int64)
    owner = np.repeat(np.arange(len(boxes)), count)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    cells = boxes[owner]
    for axis, side in ((0, width), (1, height)):
        along = (side >= long)[owner]
        part = (side / count)[owner]
        cells[:, axis] += np.where(along, step * part, 0)
        cells[:, axis + 2] = np.where(along, cells[:, axis] + part, cells[:, axis + 2])
    empty = ~_any(ink, cells)
    return np.bincount(owner, weights=empty, minlength=len(boxes)) > 0


def reasons(
    shown: "NDArray[np.uint8]",
    bare: "NDArray[np.uint8]",
    boxes: "NDArray[np.float64]",
    scale: float,
    images: "NDArray[np.float64]",
) -> list[Why | None]:
    """Why each letter is not seen; None for one that is.

    Args:
        boxes: of the letters, `(n, 4)`: left, top, right, bottom, in pixels.
        scale: pixels a point.
        images: boxes of the page's images, `(m, 4)`. A letter that shows nothing of its own where an image shows
            something is the text layer of a scan: what it says is seen.
    """
    import numpy as np

    height, width = shown.shape[:2]
    seen = _any(difference(shown, bare), boxes)
    beyond = (boxes[:, 2] <= 0) | (boxes[:, 3] <= 0) | (boxes[:, 0] >= width) | (boxes[:, 1] >= height)
    small = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) < SMALL * scale**2
    covered = np.zeros(len(boxes), dtype=np.bool_)
    for index in np.flatnonzero(~seen & ~beyond).tolist():
        left, top, right, bottom = boxes[index]
        x, y = (left + right) / 2, (top + bottom) / 2
        if ((images[:, 0] <= x) & (x <= images[:, 2]) & (images[:, 1] <= y) & (y <= images[:, 3])).any():
            part = bare[max(int(top), 0) : int(bottom) + 1, max(int(left), 0) : int(right) + 1]
            covered[index] = part.size and int(part.max()) - int(part.min()) >= _IMAGE
    found: list[Why | None] = []
    for index in range(len(boxes)):
        if beyond[index]:
            found.append(Why.BEYOND)
        elif small[index]:
            found.append(Why.SMALL)
        else:
            found.append(None if seen[index] or covered[index] else Why.UNSEEN)
    return found


def runs(letters: Sequence[int], why: Sequence[Why | None]) -> Iterator[tuple[int, int, Why]]:
    """`(first, last + 1, why)` of LEAST or more letters in a row that are not seen, for one and the same reason.

    At most GAP letters between two such runs of one reason belong to them: the tail of a "p" looks out below what
    covers its line, or other print runs through it.

    Args:
        letters: where each letter stands among the characters of the text, rising; `why` says of each the reason.
    """
    found: list[tuple[int, int, Why]] = []  # indices of letters: first, last + 1
    first = 0
    for index in range(1, len(letters) + 1):
        if index == len(letters) or why[index] is not why[first]:
            reason = why[first]
            if reason is not None and index - first >= LEAST:
                if found and found[-1][2] is reason and first - found[-1][1] <= GAP:
                    first = found.pop()[0]
                found.append((first, index, reason))
            first = index
    for start, end, reason in found:
        yield letters[start], letters[end - 1] + 1, reason


def _any(ink: "NDArray[np.bool_]", boxes: "NDArray[np.float64]") -> "NDArray[np.bool_]":
    """Whether any pixel in each box (and those it touches) is set."""
    import numpy as np

    height, width = ink.shape
    sums = np.zeros((height + 1, width + 1), dtype=np.int32)
    np.cumsum(ink, axis=1, dtype=np.int32, out=sums[1:, 1:])
    np.cumsum(sums, axis=0, out=sums)
    size = np.array([width, height])
    left, top = np.clip(np.floor(boxes[:, :2]), 0, size).astype(np.int64).T
    right, bottom = np.clip(np.floor(boxes[:, 2:]) + 1, 0, size).astype(np.int64).T
    right, bottom = np.maximum(right, left), np.maximum(bottom, top)
    total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return np.asarray(total > 0, dtype=np.bool_)
