from hypothesis import given
from hypothesis import strategies as st

from ingest.readers import layer
from ingest.readers.layer import garbled, letters
from ingest.types import Hidden, Page

POLICY = """Staff report each incident within one hour to the service desk, which records it and tells the manager.
Records are kept seven years. Exceptions are approved by the chief information security officer in writing."""


def shifted(text: str) -> str:
    """What a font without a map to Unicode gives: its own numbers of the letters, taken for codes of letters."""
    return "".join(chr(ord(one) - 29) if one.isalpha() else one for one in text)


def test_prose_is_not_garbled() -> None:
    assert not garbled(POLICY)
    assert not garbled("")


def test_codes_without_meaning_are_garbled() -> None:
    assert garbled("\ue012\ue034\ue056 \ue078\ue09a" * 5)
    assert garbled("\ufffd\ufffd\ufffd\ufffd is \ufffd\ufffd\ufffd\ufffd")
    assert garbled("\x01\x03\x04\x05 \x06\x07\x08" * 9)


def test_letters_that_form_no_words_are_garbled() -> None:
    assert garbled(shifted(POLICY * 2))


def test_bullets_of_a_symbol_font_are_not() -> None:
    assert not garbled("\n".join(f"\uf0b7 item {number}" for number in range(30)))


def test_tables_of_numbers_codes_and_abbreviations_are_not() -> None:
    assert not garbled("\n".join(f"{number * 7919 % 1000:,} ({number}) $ {number / 7:.2f}%" for number in range(80)))
    assert not garbled("AC-2 AC-3 AU-12 CISO FIPS NIST HTTPS TCP UDP SMTP XML PDF NTLM KRBTGT SSH VPN DHCP " * 3)


def test_other_languages_are_not() -> None:
    czech = "Zaměstnanci hlásí každý bezpečnostní incident do jedné hodiny, čtvrtletní zprávu schvaluje ředitel. " * 4
    polish = "Pracownicy zgłaszają każdy incydent bezpieczeństwa w ciągu godziny, sprawozdanie zatwierdza dyrektor " * 4
    german = "Beschäftigte melden Sicherheitsvorfälle binnen einer Stunde, Rechtsschutzversicherungen ausgenommen. " * 4
    for text in (czech, polish, german, "Сотрудники сообщают о каждом случае " * 9, "职员应在一小时内报告 " * 9):
        assert not garbled(text)


def better(text: str, recognised: str) -> str:
    """The text of a page with this layer, after OCR."""
    return layer.better(Page("a.pdf", 1, text), recognised).text


def test_what_was_seen_replaces_a_layer_that_is_missing_or_garbled() -> None:
    assert layer.better(Page("a.pdf", 1, ""), "seen") == Page("a.pdf", 1, "seen", ocr=True)
    assert better("\ue012\ue034\ue056" * 9, "seen") == "seen"


def test_a_layer_stays_where_no_more_was_seen() -> None:
    assert better("Travel expenses", "Trav") == "Travel expenses"
    assert better("Travel expenses", "") == "Travel expenses"
    assert better("", "") == ""


def test_a_stamp_that_was_misread_stands_in_front_of_what_was_seen() -> None:
    assert (
        better("FILE 0O1-l7\nPage 1", f"FILE 001-17\nPage 1\n{POLICY}") == f"FILE 0O1-l7\nFILE 001-17\nPage 1\n{POLICY}"
    )
    assert better("Page 1", f"Page 1\n{POLICY}") == f"Page 1\n{POLICY}"


@given(st.text(), st.text())
def test_of_two_readings_the_one_with_more_letters_is_kept(layer: str, seen: str) -> None:
    kept = better(layer, seen)
    assert letters(kept) >= letters(seen) or kept == layer
    assert garbled(layer) or letters(kept) >= letters(layer) or kept == seen


@given(st.text())
def test_a_layer_with_common_words_needs_rubbish_to_be_garbled(text: str) -> None:
    assert not garbled(
        f"say the word {text}".encode("ascii", "ignore").decode().translate(dict.fromkeys([*range(32), 127]))
    )


def test_hidden_lines_that_were_not_seen_stay_hidden_where_they_come_to_stand() -> None:
    """The image shows the first line; the second, of which two words are hidden, stands in front of what it shows."""
    text = "Travel policy\nFILE 17 ignore this\nPage 1"
    spans = (Hidden(0, 6, "small"), Hidden(text.index("ignore"), len(text) - 7, "white"))
    page = layer.better(Page("a.pdf", 1, text, hidden=spans), f"Travel policy, Page 1\n{POLICY}")
    assert page.text.startswith("FILE 17 ignore this\nTravel policy")
    assert [(page.text[span.start : span.end], span.why) for span in page.hidden] == [("ignore this", "white")]
