"""`rag show` of a source of the last answer: its page as text, and as a picture with the quotation boxed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from reportlab.pdfgen.canvas import Canvas

from tests.running import Outcome

Rag = Callable[..., Outcome]

QUESTION = "Who approves exceptions?"
SENTENCE = "Exceptions are approved by the Head of Finance within five working days of the request."


@pytest.fixture
def office(rag: Rag, tmp_path: Path) -> Path:
    """A folder with a policy of two pages, in the index."""
    folder = tmp_path / "office"
    folder.mkdir()
    _write(folder / "policy.pdf", "Visitors wear a badge.", SENTENCE)
    assert rag("ingest", folder).code == 0
    return folder


def _write(path: Path, *pages: str) -> None:
    canvas = Canvas(str(path), pagesize=(500, 300))
    for page in pages:
        canvas.drawString(40, 200, page)
        canvas.showPage()
    canvas.save()


def error(outcome: Outcome) -> str:
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: ")
    return outcome.err


def test_a_source_is_its_page(rag: Rag, office: Path) -> None:
    assert "ask first" in error(rag("show", "1"))
    answer = rag("ask", QUESTION, "--quotes-only", "--json").json
    sources = answer["citations"] or answer["nearest"]
    assert sources
    for number, source in enumerate(sources, start=1):
        shown = rag("show", str(number), "--json").json
        assert (shown["path"], shown["page"]) == (source["path"], source["page"])
        assert shown["text"][shown["start"] : shown["end"]] == source["quote"]
        assert rag("show", str(number)).out == shown["text"] + "\n"
    assert f"there is no source {len(sources) + 1}" in error(rag("show", str(len(sources) + 1)))


def test_what_was_cited_and_is_no_more(rag: Rag, office: Path) -> None:
    rag("ask", QUESTION, "--quotes-only")
    _write(office / "policy.pdf", "Visitors wear no badge.", SENTENCE)
    assert rag("ingest", office).code == 0
    assert "ask again" in error(rag("show", "1"))
    rag("ask", QUESTION, "--quotes-only")
    assert rag("forget", "policy.pdf").code == 0
    assert "ask first" in error(rag("show", "1"))


def test_an_answer_stands_where_its_sources_cannot_be_kept(rag: Rag, office: Path, home: Path) -> None:
    answer = rag("ask", QUESTION, "--quotes-only", "--json")
    (kept,) = home.rglob("last_answer.json")
    kept.unlink()
    kept.mkdir()
    again = rag("ask", QUESTION, "--quotes-only", "--json")
    assert again.code == answer.code
    assert again.json["citations"] == answer.json["citations"]
    assert "does not know this answer" in again.err


def test_a_page_as_a_picture(rag: Rag, office: Path, tmp_path: Path) -> None:
    answer = rag("ask", QUESTION, "--quotes-only", "--json").json
    sources = answer["citations"] or answer["nearest"]
    number = next(str(n) for n, source in enumerate(sources, start=1) if source["quote"] == SENTENCE)
    plain, boxed = tmp_path / "plain.png", tmp_path / "boxed.png"
    assert rag("show", "policy.pdf", "--page", "2", "--image", plain).code == 0
    assert rag("show", number, "--image", boxed).code == 0
    with Image.open(plain) as one, Image.open(boxed) as other:
        assert one.size == other.size == (764, 459)
        left, top, right, bottom = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox() or (0,) * 4
    # The sentence begins 40 points from the left edge and stands 200 points above the lower one.
    scale = 110 / 72
    assert left == pytest.approx(40 * scale, abs=4)
    assert top < 100 * scale < bottom + 4
    assert right - left > 300 * scale
    assert "is there already" in error(rag("show", number, "--image", boxed))


def test_what_cannot_be_drawn(rag: Rag, office: Path, tmp_path: Path) -> None:
    (office / "notes.md").write_text("# Notes\n\nExceptions are rare.\n")
    rag("ingest", office)
    assert "has no pages to draw" in error(rag("show", "notes.md", "--image", tmp_path / "page.png"))
    (office / "policy.pdf").write_bytes(b"%PDF-1.4 something else")
    outcome = rag("show", "policy.pdf", "--page", "1", "--image", tmp_path / "page.png")
    assert "not there as it was ingested" in error(outcome)
    assert not (tmp_path / "page.png").exists()
