"""Which files belong together, and what is said of a pair as JSON, Markdown and HTML."""

from collections import Counter
from pathlib import Path

from ingest.types import Document, FileReport, FileStatus, Page, SourceFile
from rag.diff import Compared, compare_files, entry, match, verdict
from rag.diff_report import render_markdown, render_page
from rag.files import File
from tests.fakes import WordCountEmbedder
from tests.rag.test_html import Outline
from tests.rag.test_term import HOSTILE, acts

OLD = "1.1 Staff must wear a badge within 5 days.\n1.2 Visitors are accompanied by their host at all times."


def sources(*paths: str) -> list[SourceFile]:
    return [SourceFile(Path("/folder"), path) for path in paths]


def matched(old: list[str], new: list[str], words: dict[str, str] | None = None) -> list[tuple[str, str]]:
    bags = words or {}
    found = match(sources(*old), sources(*new), lambda file: Counter(bags.get(file.path, file.path).split()))
    return [(one.path, other.path) for one, other in found.pairs]


def test_files_belong_together_by_path_then_by_name_without_version_then_by_words() -> None:
    assert matched(["a.pdf", "b.pdf"], ["b.pdf", "a.pdf"]) == [("a.pdf", "a.pdf"), ("b.pdf", "b.pdf")]
    assert matched(["policy-v2.0.pdf"], ["new/policy_v3.1_final.docx"]) == [
        ("policy-v2.0.pdf", "new/policy_v3.1_final.docx")
    ]
    texts = {"x.pdf": "badges are worn by all", "y.pdf": "badges are worn by most", "z.pdf": "soup with onions"}
    assert matched(["x.pdf"], ["y.pdf", "z.pdf"], texts) == [("x.pdf", "y.pdf")]


def test_two_files_with_the_same_plain_name_are_not_guessed() -> None:
    assert matched(["policy-v1.pdf", "policy-v2.pdf"], ["policy-v3.pdf"], {"policy-v3.pdf": "other"}) == []


def file(text: str, path: str = "policy.pdf") -> File:
    report = FileReport(path, "/folder", "0" * 64, FileStatus.INDEXED, pages=1)
    return File(report, Document(path, None, (Page(path, 1, text),)))


def pair(old: str, new: str, path: str = "policy.pdf") -> Compared:
    return compare_files(file(old, path), file(new, path), WordCountEmbedder().embed)


def test_every_citation_is_an_exact_span() -> None:
    found = entry(pair(OLD, OLD.replace("5 days", "9 days")))
    (change,) = found["changes"]
    for side, text in (("old", OLD), ("new", OLD.replace("5 days", "9 days"))):
        (cited,) = change[side]["citations"]
        assert text[cited["start"] : cited["end"]] == cited["quote"]
        assert (cited["page"], change[side]["number"]) == (1, "1.1")
        assert [change[side]["text"][start:end] for start, end in change[side]["changed"]] == [
            cited["quote"].split()[-2]
        ]


def test_the_verdict_says_when_nothing_of_substance_changed() -> None:
    same = pair(OLD, OLD.replace("1.1", "4.1").replace("1.2", "4.2")).comparison
    assert same is not None
    assert verdict(same) == "No change: every sentence stands in both, word for word."
    swapped = pair(
        OLD, "1.1 Visitors are accompanied by their host at all times.\n1.2 Staff must wear a badge within 5 days."
    )
    assert swapped.comparison is not None
    assert verdict(swapped.comparison).startswith("No change of substance: ")
    strangers = pair(OLD, "1.1 Onions are fried in butter.").comparison
    assert strangers is not None
    assert "nothing in common" in verdict(strangers)


def test_a_file_that_could_not_be_read_is_named_everywhere() -> None:
    locked = File(FileReport("policy.pdf", "/folder", None, FileStatus.PASSWORD, detail="it is locked"), None)
    found = compare_files(file(OLD), locked, WordCountEmbedder().embed)
    assert entry(found)["changes"] == []
    for text in (render_markdown([found], (), ()), render_page([found], (), ())):
        assert "it is locked" in text


def test_hostile_texts_and_names_stay_text() -> None:
    hostile = f"1.1 Staff must <script>alert(1)</script> | [x](http://x) {HOSTILE} wear it within 5 days."
    found = pair(hostile, hostile.replace("5 days", "9 days"), "<b>.pdf")
    html = render_page([found], (), ())
    assert "script" not in Outline(html).tags
    assert acts(html.replace("\n", "")) == []
    markdown = render_markdown([found], (), ())
    assert acts(markdown.replace("\n", "")) == []
    assert "<script" not in markdown
    assert "](http" not in markdown
