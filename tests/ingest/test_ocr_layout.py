import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest.ocr.layout import Box, text_of, upright

LINE = 20.0  # pixels from line to line
PROSE = "the quick brown fox jumps over it"


def box(text: str, x: float, row: float, width: float | None = None) -> Box:
    return Box(x, row * LINE, x + (width or 8.0 * len(text)), row * LINE + 16, text)


def column(x: float, words: str, rows: int = 6, first: float = 0) -> list[Box]:
    return [box(f"{words} {row}", x, first + row) for row in range(rows)]


def test_lines_come_from_top_to_bottom() -> None:
    assert text_of([box("second", 0, 1), box("first", 0, 0)]) == "first\nsecond"


def test_no_boxes_are_no_text() -> None:
    assert text_of([]) == ""


def test_cells_of_a_row_are_joined_by_spaces_though_their_boxes_stand_a_little_higher_or_lower() -> None:
    cells = [Box(300, 6, 400, 22, "of staff"), Box(0, 0, 40, 16, "1"), Box(100, 3, 250, 20, "Duties")]
    assert text_of(cells) == "1 Duties of staff"


def test_a_list_of_abbreviations_is_read_by_rows() -> None:
    rows = [(box(f"AB{row}", 0, row), box(f"Agency of the Business number {row}", 200, row)) for row in range(8)]
    assert text_of([cell for row in rows for cell in row]).split("\n")[3] == "AB3 Agency of the Business number 3"


def test_a_numbered_list_keeps_its_numbers_in_front() -> None:
    items = [part for row in range(6) for part in (box(f"{row})", 0, row), box(PROSE, 60, row))]
    assert text_of(items).split("\n")[:2] == [f"0) {PROSE}", f"1) {PROSE}"]


def test_two_columns_are_read_one_after_the_other_between_what_spans_them() -> None:
    heading, footer = box("A heading over both columns of the page", 100, 0, 500), box("Page 3", 330, 9)
    left, right = column(0, f"left {PROSE}", first=1), column(400, f"right {PROSE}", first=1.4)
    lines = text_of([*right, footer, *left, heading]).split("\n")
    assert lines[0] == heading.text
    assert lines[1:7] == [one.text for one in left]
    assert [line for line in lines if line.startswith("right")] == [one.text for one in right]
    assert lines[7] == right[0].text


def test_three_columns() -> None:
    columns = [column(x, f"{name} {PROSE}") for x, name in ((0, "a"), (400, "b"), (800, "c"))]
    lines = text_of([one for row in zip(*columns, strict=True) for one in row]).split("\n")
    assert lines == [one.text for part in columns for one in part]


def test_columns_above_and_below_a_full_line_are_read_apart() -> None:
    parts = [column(x, f"{name} {PROSE}", first=first) for first in (0, 7) for x, name in ((0, "l"), (400, "r"))]
    across = box("Across the whole page", 0, 6, 700)
    lines = text_of([one for part in parts for one in part] + [across]).split("\n")
    assert lines == [one.text for part in parts[:2] for one in part] + [across.text] + [
        one.text for part in parts[2:] for one in part
    ]


def test_a_page_askew_is_set_upright() -> None:
    def corner(x: float, y: float) -> tuple[float, float]:
        slope = math.radians(2)
        return x * math.cos(slope) - y * math.sin(slope), x * math.sin(slope) + y * math.cos(slope)

    cells = [one for row in range(6) for one in (box(f"Item {row} of a table", 0, row), box("its value", 900, row))]
    corners = [
        (corner(a.left, a.top), corner(a.right, a.top), corner(a.right, a.bottom), corner(a.left, a.bottom))
        for a in cells
    ]
    found = upright(zip(corners, [one.text for one in cells], strict=True))
    assert text_of(found).split("\n") == [f"Item {row} of a table its value" for row in range(6)]
    assert abs(found[0].left) < 1
    assert abs(found[0].top) < 1


def test_a_thousand_boxes_take_no_time() -> None:
    many = [box(f"word {x} {row}", 97 * x, row) for x in range(20) for row in range(50)]
    assert len(text_of(many).split()) == 3 * 1000


sizes = st.floats(1, 500)
places = st.floats(-100, 2000)


@st.composite
def pages(draw: st.DrawFn) -> list[Box]:
    corners = draw(st.lists(st.tuples(places, places, sizes, sizes), max_size=40))
    return [
        Box(x, y, x + width, y + height, f"<{number}{'x' * draw(st.integers(0, 30))}>")
        for number, (x, y, width, height) in enumerate(corners)
    ]


@given(pages())
def test_every_boxs_text_occurs_once(boxes: list[Box]) -> None:
    assert sorted(text_of(boxes).split()) == sorted(one.text for one in boxes)


@given(pages())
def test_a_line_is_read_from_left_to_right(boxes: list[Box]) -> None:
    by_text = {one.text: one for one in boxes}
    for line in text_of(boxes).split("\n"):
        held = [by_text[text] for text in line.split()]
        for one, other in pairwise(held):
            assert one.left <= other.left
