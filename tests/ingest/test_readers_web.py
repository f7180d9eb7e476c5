import pytest

from ingest.chunk import chunks
from ingest.errors import ReadError
from ingest.types import FileStatus, Heading
from tests.documents import document_of, text_of
from tests.fakes import WordTokenizer


def test_only_what_is_shown_is_read() -> None:
    page = (
        "<html><head><title>T &amp; more</title><style>p {}</style></head><body><script>var x = '<p>no</p>';</script>"
        "<template>no</template><noscript>no</noscript><p hidden>no"
        "<p>yes &lt;1&gt;<div style='display: none'>no<ul><li>no</ul>"
        "</div><!-- no --><p>Dear <del>no</del><b>all</b>,<input type=hidden value=no></body></html>"
    )
    document = document_of("a.html", page)
    assert (document.title, document.pages[0].text) == ("T & more", "yes <1>\n\nDear all,")


def test_blocks_breaks_and_white_space() -> None:
    page = "<div>one\n two<br>three<p>fo<b>ur</b></div>five<pre>  a\n    b\n</pre>"
    page += "10<sup>5</sup> m<sup>th</sup> so&shy;ft&nbsp;x"
    assert text_of("a.html", page) == "one two\nthree\n\nfour\n\nfive\n\n  a\n    b\n\n10⁵ mth soft x"


def test_lists_have_their_labels() -> None:
    page = (
        "<ol start=3 type=a><li>x<ul><li>in<p>more</ul><li>y<li value=9>z</ol><ol reversed><li>two<li>one</ol>"
        "<ul><li><p>para</li></ul><p>after"
    )
    assert text_of("a.html", page).split("\n") == [
        "c. x", "  • in", "  more", "d. y", "i. z", "2. two", "1. one", "• para", "", "after",
    ]  # fmt: skip


def test_headings_are_the_outline_and_survive_being_many() -> None:
    page = "<ul>" + "".join(f"<li><a>Rule {n}</a>" for n in range(9)) + "</ul>"
    page += "".join(f"<h2>Rule {n}</h2><p>Do part {n}.</p>" for n in range(9))
    document = document_of("a.html", page)
    assert document.outline[0] == Heading("Rule 0", None, 2)
    made = chunks(document, WordTokenizer())
    assert [chunk.section for chunk in made if "Do part" in chunk.text] == [f"Rule {n}" for n in range(9)]


def test_a_table_with_a_head_of_two_rows() -> None:
    page = (
        "<table><caption>Fines</caption><thead><tr><th></th><th colspan=2>2024</th></tr>"
        "<tr><th>Item<th>Q1<th>Q2</thead>"
        "<tr><td rowspan=2>Late<td>1<td>2<tr><td>3<td>4<tr><td colspan=3>Sum follows</table>"
    )
    assert text_of("a.html", page).split("\n") == [
        "Fines",
        "",
        "2024",
        "Item | Q1 | Q2",
        "Item: Late | 2024 Q1: 1 | 2024 Q2: 2",
        "Item: Late | 2024 Q1: 3 | 2024 Q2: 4",
        "Sum follows",
    ]


@pytest.mark.parametrize(
    "table",
    [
        "<table><tr><td>Left</td><td><table><tr><td>Right</td></tr></table></td></tr></table>",
        "<table><tr><td>Left</td></tr><tr><td>Right</td></tr></table>",
        "<table role=presentation><tr><td>Left</td><td>Right</td></tr></table>",
        "<table><tr><td>Left</td><td>Right</td></tr></table>",
        "<table><tr><td><h2>Left</h2></td><td>Right</td></tr><tr><td></td><td></td></tr></table>",
    ],
)
def test_tables_that_only_arrange_are_text(table: str) -> None:
    assert text_of("a.html", table) == "Left\n\nRight"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("<meta charset=windows-1251><p>Привет".encode("cp1251"), "Привет"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"><p>“ö”'.encode("cp1252"), "“ö”"),
        ("<meta charset=latin1><p>ö".encode("utf-8-sig"), "ö"),
        ("<meta charset=base64><p>ö".encode(), "ö"),
        ("<meta charset=no-such><p>ö".encode(), "ö"),
        ("<p>ö".encode("utf-16"), "ö"),
    ],
)
def test_charsets(data: bytes, expected: str) -> None:
    assert text_of("a.html", data) == expected


def test_entities_of_the_page_itself_are_not_expanded() -> None:
    page = '<!DOCTYPE html [<!ENTITY a SYSTEM "file:///etc/hostname"><!ENTITY b "ha">]><p>x &a; &b;</p>'
    assert "ha" not in text_of("a.html", page).replace("&b;", "")


def test_nesting_without_end_is_damaged() -> None:
    with pytest.raises(ReadError, match="nested deeper") as raised:
        document_of("a.html", "<div>" * 100_000 + "x")
    assert raised.value.status is FileStatus.DAMAGED


def test_deep_nesting_that_browsers_take_is_read() -> None:
    assert text_of("a.html", "<font>" * 1_500 + "x") == "x"


def test_spans_without_end() -> None:
    page = "<table><tr>" + "<td rowspan=65534 colspan=1000>" + "x" * 290 + "<tr><td>a" * 2_000 + "</table>"
    assert len(text_of("a.html", page)) < 1_000_000


@pytest.mark.parametrize("page", ["<html></html>", "<!-- only -->", "<script>x()</script>"])
def test_a_page_that_shows_nothing_is_empty(page: str) -> None:
    with pytest.raises(ReadError, match="shows no text") as raised:
        document_of("a.html", page)
    assert raised.value.status is FileStatus.EMPTY
