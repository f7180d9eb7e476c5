"""A summary says what was counted: the model may reword it and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ingest.logs.facts import LogFacts, analyse
from rag.log_report import render_log
from rag.log_summary import FactSentence, faithful, summarise, word
from rag.markdown import escape_markdown

FACT = FactSentence(
    "High severity: A log-in of tvance from 203.0.113.45 succeeded after 63 failures (64 events).",
    ("203.0.113.45", "63", "64"),
    (1, 2, 3),
)


class Scripted:
    """A generator that says what it was told to say."""

    name, sha256, host = "scripted", "0" * 64, ""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.prompts: list[str] = []

    def generate(
        self, messages: Sequence[Mapping[str, str]], max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        self.prompts.append(messages[-1]["content"])
        reply = self.replies.pop(0) if self.replies else ""
        yield from (reply[start : start + 7] for start in range(0, len(reply), 7))

    def count(self, text: str) -> int:
        return len(text.split())


@pytest.fixture
def facts(tmp_path: Path) -> LogFacts:
    path = tmp_path / "auth.log"
    lines = [f"Mar  2 10:00:{n:02} h sshd[1]: Failed password for bob from 192.0.2.9 port 1 ssh2" for n in range(12)]
    path.write_text(
        "\n".join([*lines, "Mar  2 10:01:00 h sshd[1]: Accepted password for bob from 192.0.2.9 port 1", ""])
    )
    return analyse(path, "logs/auth.log")


def report(facts: LogFacts) -> str:
    return render_log(facts.to_json() | summarise(facts, None).to_json())


@pytest.mark.parametrize(
    "written",
    [
        "High severity: A log-in of tvance from 203.0.113.45 succeeded after 63 failures in 64 events.",
        "High severity: The log-in of tvance from 203.0.113.45, which succeeded after 63 failures, had 64 events.",
    ],
)
def test_faithful_rewordings_pass(written: str) -> None:
    assert faithful(written, FACT)


@pytest.mark.parametrize(
    "written",
    [
        "High severity: A log-in of tvance from 203.0.113.45 succeeded after 36 failures (64 events).",
        "High severity: A log-in of tvance from 203.0.113.45 succeeded after 64 failures (63 events).",  # swapped
        "High severity: A log-in of tvance from 203.0.113.45 succeeded after failures (64 events).",
        "High severity: A log-in of tvance from 203.0.113.4 succeeded after 63 failures (64 events).",
        "High severity: A log-in of tvance from 203.0.113.45 succeeded after 63 failures (64 events) on 2 days.",
        "High severity: A log-in of alice from 203.0.113.45 succeeded after 63 failures (64 events).",  # other name
        "High severity: A log-in of tvance from 203.0.113.45 failed after 63 failures (64 events).",  # turned around
        "Low severity: A log-in of tvance from 203.0.113.45 succeeded after 63 failures (64 events).",  # played down
        "High severity: A hacker's log-in of tvance from 203.0.113.45 succeeded after 63 failures (64 events).",
        "High severity: A log-in of tvance from 203.0.113.45 never succeeded after 63 failures (64 events).",
        "A log-in from 203.0.113.45 after 63 (64 events).",  # what it says is lost
        "High severity: A log-in of tvance from 203.0.113.45 succeeded after 63 failures (64 events)",  # cut off
        "",
    ],
)
def test_unfaithful_rewordings_fail(written: str) -> None:
    assert not faithful(written, FACT)


def test_what_fails_gives_way_to_the_plain_sentence_and_is_counted() -> None:
    other = FactSentence("3 events failed.", ("3",), (7,))
    model = Scripted("1. Everything is fine, 63 and 64.\n2. There were 3 events that failed.\n3. And more.")
    summary = word("a.log", [FACT, other], model)
    assert [(sentence.text, sentence.written) for sentence in summary.sentences] == [
        (FACT.text, False),
        ("There were 3 events that failed.", True),
    ]
    assert summary.dropped_sentences == 1
    assert "2. 3 events failed." in model.prompts[0]


def test_a_model_that_says_nothing_changes_nothing(facts: LogFacts) -> None:
    plain, silent = summarise(facts, None), summarise(facts, Scripted())
    assert plain.sentences == silent.sentences
    assert silent.dropped_sentences == 0


def test_every_fact_sentence_holds_its_own_values_and_passes_its_own_check(facts: LogFacts) -> None:
    for sentence in summarise(facts, None).sentences:
        assert faithful(sentence.text, sentence.fact), sentence.text


def test_contract_of_summary_and_citations(facts: LogFacts) -> None:
    entry = summarise(facts, None).to_json()
    assert "[1]" in str(entry["summary"])
    citations = entry["citations"]
    assert isinstance(citations, list)
    assert [citation["number"] for citation in citations] == list(range(1, len(citations) + 1))
    assert all(citation["lines"] for citation in citations)
    assert "13 lines with 13 events" in str(entry["summary"])
    assert "succeeded after 12 failures" in str(entry["summary"])


def test_report_has_all_parts(facts: LogFacts) -> None:
    page = report(facts)
    for part in ("# logs/auth.log", "## What stands out", "## Actors", "## Hours of the day", "## Templates", "1–13"):
        assert part in page
    assert "13 lines: 13 with events, 0 blank, 0 unparsed" in page


def test_hostile_values_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    evil = "`x`|<script>alert(1)</script>|\\n# head\\u001b[2J\\u202e[a](http://evil.example)"
    path.write_text(f'{{"time": "2026-01-01T00:00:00Z", "user": "{evil}", "action": "{evil}"}}\n' * 2)
    page = report(analyse(path, "x|`y`.jsonl"))
    assert "<script" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "`x`" not in page
    assert "[a]" not in page
    tables = [line for line in page.splitlines() if line.startswith("| ") and "alert" in line]
    assert tables
    assert {line.count("|") for line in tables} <= {3, 5, 6}  # two, four or five columns, whatever the values hold


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b.log", "a_b.log"),
        ("*x* _y_", "\\*x\\* \\_y\\_"),
        ("# head", "\\# head"),
        ("1. one", "1\\. one"),
        ("1.2 clause", "1.2 clause"),
        ("<b>&`|", "&lt;b&gt;&amp;&#96;&#124;"),
        ("two\nlines", "two lines"),
        ("http://x", "http&#58;//x"),
    ],
)
def test_escape_markdown(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped
