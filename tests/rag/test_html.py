"""No text can become part of a page's structure, and a page reaches for nothing outside itself."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.html import Markup, element, join, page, table, text
from rag.plot import Axis, Series, histogram, lines, milliseconds, unit, whisker
from rag.term import escape
from tests.rag.test_term import HOSTILE, acts
from tests.running import ROOT

anything = st.text(alphabet=st.characters(codec=None, exclude_categories=[]))
VOID = {"meta", "br"}


class Outline(HTMLParser):
    """What a browser would make of a page: its elements, its attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@given(anything)
def test_text_stays_text(hostile: str) -> None:
    outline = Outline(element("p", hostile, title=hostile))
    assert outline.tags == ["p"]
    assert outline.attributes == [("title", escape(hostile))]
    assert "".join(outline.texts) == escape(hostile)


@given(anything)
def test_whatever_is_shown_the_page_has_the_same_elements(hostile: str) -> None:
    def made(words: str) -> Outline:
        return Outline(
            page(
                words,
                element("h1", words),
                table([words, "n"], [[words, 1], [element("b", words), None]], words),
                lines(words, words, unit(words), unit(words), [Series(words, [(0.0, 0.5), (1.0, 1.0)])], (0.5, words)),
                histogram(words, words, unit(words), words, [(words, [0.1, 0.9])]),
            )
        )

    shown = made(hostile)
    assert shown.tags == made("x").tags
    assert [name for name, _ in shown.attributes] == [name for name, _ in made("x").attributes]
    assert set(acts("".join(shown.texts))) <= {"\n", "\t"}


def test_what_was_markup_is_not_escaped_again_and_what_is_joined_to_it_by_plus_is() -> None:
    bold = element("b", "a & b")
    assert element("p", bold, [" & ", [bold]], None, 3) == "<p><b>a &amp; b</b> &amp; <b>a &amp; b</b>3</p>"
    assert element("p", bold + "<i>") == "<p>&lt;b&gt;a &amp;amp; b&lt;/b&gt;&lt;i&gt;</p>", "safe, if ugly"
    assert isinstance(join(bold, "<"), Markup)
    assert text(HOSTILE).count("\x1b") == 0


def test_attributes() -> None:
    assert element("line", class_="grid", x1=1.0, stroke_width=1.256, title=None) == (
        '<line class="grid" x1="1" stroke-width="1.26"/>'
    )
    assert element("meta", name='"><script>') == '<meta name="&quot;&gt;&lt;script&gt;">'


def test_a_page_stands_alone_and_runs_nothing() -> None:
    made = page("A page", element("h1", "A page"), whisker(0.5, 0.2, 0.9))
    outline = Outline(made)
    assert {"script", "link", "img", "iframe", "object", "base", "form"} & set(outline.tags) == set()
    names = {name for name, _ in outline.attributes}
    assert {"src", "href", "style", "srcset", "action"} & names == set()
    assert not [name for name in names if name.startswith("on")]
    assert "url(" not in made
    assert "//" not in made
    assert "default-src &#x27;none&#x27;" in made
    assert "prefers-color-scheme: dark" in made
    assert "@media print" in made


def test_only_one_module_makes_html() -> None:
    makers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "rag").rglob("*.py")
        if "</" in path.read_text(encoding="utf-8") or "import html\n" in path.read_text(encoding="utf-8")
    }
    assert makers == {"rag/html.py"}


# --- plots ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1e7), min_size=1), st.floats(-1, 1e8))
def test_every_value_lies_on_its_axis(times: list[float], other: float) -> None:
    axis = milliseconds("ms", times)
    shares = [axis.share(value) for value in sorted(times)]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in [*shares, axis.share(other)])
    assert 2 <= len(axis.ticks) <= 9
    assert axis.low < axis.high


def test_a_histogram_counts_every_value_once() -> None:
    outline = Outline(histogram("t", "c", unit("x"), "y", [("a", [0.0, 0.05, 1.0]), ("b", [])]))
    heights = [float(value or 0) for name, value in outline.attributes if name == "height"]
    assert outline.tags.count("rect") == 2, "two tenths hold something"
    assert max(heights) == pytest.approx(2 * min(heights))
    assert "a (3)" in outline.texts
    assert "b (0)" in outline.texts


def test_a_plot_of_nothing_is_a_plot() -> None:
    assert Outline(lines("t", "c", unit("x"), Axis("y", [(0.0, "0")], 0.0, 1.0), [])).tags[0] == "figure"
    assert Outline(histogram("t", "c", unit("x"), "y", [])).tags[0] == "figure"
