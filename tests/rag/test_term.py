"""Nothing that comes from outside can act on a terminal."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import term
from rag.term import colourful, escape, link, one_line, show, show_json, wrapped

HOSTILE = "\x1b]0;owned\x07 \x1b[2J \u202etxt.exe\u2066 \u200bzero \r\x08\x7f\x9b31m \ue000 \U000e0041 \u2028"


def acts(text: str) -> list[str]:
    """The letters of `text` that could act: controls, bidirectional and invisible marks, surrogates, private ones."""
    return [letter for letter in text if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}]


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=[])))
def test_escaped_text_cannot_act(text: str) -> None:
    assert set(acts(escape(text))) <= {"\n", "\t"}


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=[])))
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text)
    assert acts(line) == []
    assert len(line.splitlines()) <= 1


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp"])))
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


def test_what_was_hidden_becomes_readable() -> None:
    assert escape("a\u202eb\x1b[0mc\U000e0041\n\td") == "a\\u202eb\\x1b[0mc\\U000e0041\n\td"


def test_umlauts_and_other_scripts_are_letters() -> None:
    text = "Prüfung – “Ärztin”, 検査, проверка, 𝒜, €"
    assert escape(text) == text


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=[])))
def test_json_is_ascii_and_says_the_same(text: str) -> None:
    printed = json.dumps({"text": text})
    assert printed.isascii()
    assert json.loads(printed)["text"] == text or any("\ud800" <= letter <= "\udfff" for letter in text)


def test_json_goes_out_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"text": HOSTILE + "\n\n"})
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert printed.count("\n") == 1
    assert acts(printed.removesuffix("\n")) == []


def test_no_colour_where_nobody_looks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colourful(Terminal())  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colourful(Terminal())  # type: ignore[arg-type]
    show("plain")
    assert capsys.readouterr().out == "plain\n"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """stdout is a terminal that knows colours and links."""
    monkeypatch.setattr(term, "colourful", lambda _: True)
    monkeypatch.setenv("FORCE_HYPERLINK", "1")


ANY = st.text(alphabet=st.characters(codec=None, exclude_categories=[]))


@given(ANY, st.integers(0, 50), st.integers(0, 50))
def test_marking_words_changes_nothing_but_their_colour(text: str, start: int, length: int) -> None:
    marked = (min(start, len(text)), min(start + length, len(text)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(term, "colourful", lambda _: True)
        shown = wrapped(text, 40, marked)
    plain = shown.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert set(acts(plain)) <= {"\n"}
    assert "".join(plain.split()) == "".join(one_line(text).split())
    assert wrapped(text, 40, marked) == wrapped(text, 40), "no colours where there is no terminal"


@pytest.mark.usefixtures("terminal")
def test_the_answering_words_stand_out() -> None:
    assert wrapped("within one hour of it", 100, (7, 15)) == "within \x1b[1mone hour\x1b[0m of it"


@pytest.mark.usefixtures("terminal")
def test_a_link_opens_the_page_and_nothing_in_a_name_acts() -> None:
    assert link("a.pdf", Path("/docs/a b.pdf"), 3) == "\x1b]8;;file:///docs/a%20b.pdf#page=3\x1b\\a.pdf\x1b]8;;\x1b\\"
    target = link("", Path("/docs/" + HOSTILE.replace("/", "")), None).split(";")[2]
    assert acts(target.removesuffix("\x1b\\\x1b]8")) == []
    assert link("mail", Path("not/absolute"), 1) == "mail"


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("told", "links"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM_PROGRAM": "WezTerm"}, True),
        ({"TERM": "xterm-kitty"}, True),
        ({"VTE_VERSION": "7006"}, True),
        ({"VTE_VERSION": "4205"}, False),
        ({"VTE_VERSION": "none"}, False),
        ({"WT_SESSION": "1"}, True),
        ({"TERM_PROGRAM": "WezTerm", "FORCE_HYPERLINK": "0"}, False),
    ],
)
def test_links_are_made_for_terminals_that_open_them(
    told: dict[str, str], links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "TERM_PROGRAM", "VTE_VERSION", "WT_SESSION", "KONSOLE_VERSION", "KITTY_WINDOW_ID", "DOMTERM",
                 "FORCE_HYPERLINK"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert (link("a.pdf", Path("/docs/a.pdf"), 3) != "a.pdf") == links


def test_shapeless_letters_are_written_out_and_emoji_are_not() -> None:
    assert escape("a\u3164\U000e0101b ✔️") == "a\\u3164\\U000e0101b ✔️"


def test_no_links_where_there_is_no_terminal() -> None:
    assert link("a.pdf", Path("/docs/a.pdf"), 3) == "a.pdf"
