import pytest

from ingest.language import unsupported_language
from ingest.types import Page

ENGLISH = "All employees must report security incidents without delay. The term is one hour after it was found. "
SAMPLES = {
    "German": "Alle Mitarbeiterinnen müssen Sicherheitsvorfälle unverzüglich melden. Die Frist beträgt eine Stunde. ",
    "French": "Tous les employés doivent signaler sans délai tout incident. Le délai est d'une heure. ",
    "Spanish": "Todos los empleados deben informar sin demora cualquier incidente. El plazo es de una hora. ",
    "Dutch": "Alle medewerkers moeten beveiligingsincidenten onmiddellijk melden. De termijn bedraagt een uur daarna. ",
    "Polish": "Wszyscy pracownicy muszą niezwłocznie zgłaszać incydenty bezpieczeństwa. Termin wynosi jedną godzinę. ",
    "Russian": "Все сотрудники обязаны немедленно сообщать об инцидентах безопасности. Срок составляет один час. ",
    "Chinese": "所有员工必须立即报告安全事件。报告期限为发现事件后一小时。未按时报告的员工将受到处分。",
    "Japanese": "すべての従業員は、セキュリティインシデントを直ちに報告しなければなりません。期限は一時間です。",
}


def pages(*texts: str) -> list[Page]:
    return [Page("a.pdf", number, text) for number, text in enumerate(texts, start=1)]


@pytest.mark.parametrize("language", SAMPLES)
def test_a_document_in_another_language_is_named(language: str) -> None:
    assert unsupported_language(pages(*[SAMPLES[language] * 5] * 3)) == language


def test_english_is_no_news() -> None:
    assert unsupported_language(pages(ENGLISH * 10)) is None


def test_an_english_document_with_a_german_annex_is_english() -> None:
    assert unsupported_language(pages(ENGLISH * 30, SAMPLES["German"] * 8)) is None


def test_a_german_document_with_an_english_summary_is_german() -> None:
    assert unsupported_language(pages(ENGLISH * 2, SAMPLES["German"] * 30)) == "German"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hallo Welt, wie geht es dir?",
        "Total 1,234 5,678\nNet (12.5) 13.0\n" * 200,
        "Smith, John\nMüller, Jürgen\nGarcía, José\nLefèvre, Chloé\n" * 100,
        "SEHR GEEHRTE DAMEN UND HERREN\n" * 100,
        "a1b2c3d4 e5f6a7b8 90ab12cd 34ef56ab\n" * 200,
    ],
    ids=["empty", "too short", "a table", "names", "capitals only", "hashes"],
)
def test_what_is_not_prose_raises_no_alarm(text: str) -> None:
    assert unsupported_language(pages(text)) is None
