"""Pages about logs: everything is on them, they stand alone, and nothing from a log acts in them."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ingest.logs.changes import baseline_of, changes
from ingest.logs.facts import LogFacts, analyse
from ingest.logs.joined import BatchFacts, Joined
from rag.log_page import render_batch_page, render_failed_page, render_log_page
from rag.log_report import render_log
from rag.log_summary import summarise, word
from rag.overall import batch_entry, batch_sentences, log_changes
from rag.report import failed_entry, render_overall

EVIL = "</svg></title><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x1b[2J'\"&"


class Tags(HTMLParser):
    """Remembers which elements and links a page has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        self.text += data


def _facts(folder: Path, name: str, *events: tuple[str, str, str]) -> LogFacts:
    path = folder / "some.jsonl"
    rows = [
        {"time": f"2026-03-0{1 + n // 20}T{n % 20:02}:00:00Z", "user": user, "action": action, "outcome": outcome}
        for n, (user, action, outcome) in enumerate(events)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return analyse(path, name)


def _joined(*logs: LogFacts) -> BatchFacts:
    joined = Joined()
    for number, facts in enumerate(logs):
        joined.add(number, facts)
    return joined.result()


@pytest.fixture
def logs(tmp_path: Path) -> list[LogFacts]:
    usual = [("ann", "open", "success")] * 30
    return [
        _facts(tmp_path, "a.jsonl", *usual, ("eve", "DeleteTrail", "success"), ("bob", "open", "denied")),
        _facts(tmp_path, "deep/b #1.jsonl", *usual),
    ]


def _entry(facts: LogFacts) -> dict[str, object]:
    return facts.to_json() | summarise(facts, None).to_json()


def _overall(logs: list[LogFacts], before: BatchFacts | None = None) -> dict[str, object]:
    paths = {number: facts.path for number, facts in enumerate(logs)}
    batch = _joined(*logs)
    changed = changes(batch, baseline_of(before)) if before is not None else None
    summary = word("", batch_sentences(batch, changed, paths), None).to_json()
    return batch_entry(batch, changed, paths) | summary


def test_a_log_has_all_parts_on_its_page(logs: list[LogFacts]) -> None:
    page = Tags(render_log_page(_entry(logs[0])))
    for part in ("a.jsonl", "What stands out", "switched off", "Events over time", "Who was most active", "Templates"):
        assert part in page.text
    assert page.text.count("32 events") >= 1
    assert "32 lines: 32 with events, 0 blank, 0 unparsed" in page.text
    assert page.links == []
    assert "script" not in page.tags


def test_a_batch_names_its_files_links_them_and_adds_up(logs: list[LogFacts]) -> None:
    overall = _overall(logs)
    entries = [_entry(facts) for facts in logs]
    page = Tags(render_batch_page(overall, entries, ["a.jsonl", "deep/b #1.jsonl"]))
    assert page.links == ["a.jsonl.html", "deep/b%20%231.jsonl.html"]
    assert "The batch holds 2 logs with 62 lines and 62 events." in page.text
    assert "The most active actor is ann with 60 events in 2 files." in page.text
    unlinked = Tags(render_batch_page(overall, entries, [None, None]))
    assert unlinked.links == []
    markdown = render_overall(entries, overall)
    assert "| `a.jsonl` | json | 32 |" in markdown
    assert "The batch holds 2 logs" in markdown


def test_changes_are_told_for_the_batch_and_for_each_log(logs: list[LogFacts]) -> None:
    before = _joined(logs[1])
    overall = _overall(logs, before)
    page = Tags(render_batch_page(overall, [], []))
    assert "What changed since the earlier batch" in page.text
    assert "new actor" in page.text
    assert "2 actors are new against the earlier batch: bob, eve." in page.text
    entry = _entry(logs[0]) | {"changes": log_changes(logs[0], baseline_of(before))}
    for text in (Tags(render_log_page(entry)).text, render_log(entry)):
        assert "2 new actors: bob, eve" in text
        assert "Compared with 30 events in 1 log" in text


def test_hostile_names_and_values_stay_text(tmp_path: Path) -> None:
    facts = _facts(tmp_path, EVIL, *[(EVIL, EVIL, EVIL)] * 3, (EVIL, f"DeleteTrail {EVIL}", "success"))
    before = _joined(_facts(tmp_path, "x", ("ann", "open", "success")))
    entry = _entry(facts) | {"changes": log_changes(facts, baseline_of(before))}
    pages = [
        render_log_page(entry),
        render_batch_page(_overall([facts], before), [entry], [EVIL]),
        render_failed_page(failed_entry(EVIL, "log", "damaged", EVIL)),  # type: ignore[arg-type]
    ]
    for page in pages:
        tags = Tags(page)
        assert not {"script", "img", "iframe", "object"} & tags.tags
        assert not [name for name in tags.attributes if name.startswith("on")]
        assert all(re.fullmatch(r"[\w%./~'-]+", link) for link in tags.links), tags.links
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert "Content-Security-Policy" in page
    for text in (render_log(entry), render_overall([entry], _overall([facts], before))):
        assert "<script" not in text
        assert "\x1b" not in text


def test_a_log_without_anything_still_has_a_page(tmp_path: Path) -> None:
    path = tmp_path / "empty.log"
    path.write_text("")
    entry = _entry(analyse(path, "empty.log"))
    assert "Nothing, by the rules" in render_log_page(entry)
    assert "without times" in render_log_page(entry)
    assert render_batch_page(None, [entry], [None])


def test_many_files_and_findings_fold_away(tmp_path: Path, logs: list[LogFacts]) -> None:
    entries = [_entry(logs[0])] * 40
    page = Tags(render_batch_page(_overall(logs), entries, [None] * 40))
    assert "15 more files" in page.text
    assert "details" in page.tags
