"""Nothing that comes from outside can act on a terminal."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.term import colourful, escape, one_line, show, show_json

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
