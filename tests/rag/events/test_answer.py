"""Questions about logs: what is counted, what is cited, and what is refused."""

import json
from collections.abc import Callable

import pytest

from rag.events import answer as logs
from rag.events.answer import LogAnswer
from rag.events.table import LogTable
from rag.filters import EVERYTHING, Filter
from rag.store.catalog import Catalog

Add = Callable[[str, str], None]
Ask = Callable[[str], LogAnswer]

SSHD = "Mar {day:>2} 00:00:{second:02} host sshd[1]: {said} from {source} port 1 ssh2\n"
AUTH = "".join(
    SSHD.format(day=day, second=second, said=said, source=source)
    for day, second, said, source in (
        (1, 1, "Failed password for root", "192.0.2.1"),
        (1, 2, "Failed password for ann", "192.0.2.1"),
        (2, 3, "Accepted password for ann", "192.0.2.1"),
        (2, 4, "Failed password for ann", "192.0.2.7"),
        (3, 5, "Accepted password for bob", "192.0.2.7"),
    )
)


def cloud(*events: tuple[str, str, str, str | None]) -> str:
    """CloudTrail lines of (user, action, bucket, error code)."""
    rows = [
        {
            "eventTime": f"2026-03-0{day}T10:00:00Z",
            "eventSource": "s3.amazonaws.com",
            "eventName": action,
            "userIdentity": {"userName": user},
            "sourceIPAddress": "192.0.2.9",
            "requestParameters": {"bucketName": bucket},
            **({"errorCode": error} if error else {}),
        }
        for day, (user, action, bucket, error) in enumerate(events, start=1)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


CLOUD = cloud(
    ("ann", "CreateBucket", "results", None),
    ("bob", "DeleteBucket", "results", "AccessDenied"),
    ("ann", "DeleteBucket", "results", None),
    ("cid", "DeleteBucketPolicy", "exports", None),
    ("cid", "StopLogging", "", None),
)


@pytest.fixture
def ask(catalog: Catalog) -> Ask:
    """Asks the logs in the catalog."""

    def asked(question: str) -> LogAnswer:
        answer = logs.answer(catalog, question, EVERYTHING)
        assert answer is not None
        return answer

    return asked


def lines(answer: LogAnswer) -> list[int]:
    assert answer.counted is not None
    return [line for log in answer.counted.logs for line in log.lines]


def test_counts_are_of_all_events_that_fit(add: Add, ask: Ask) -> None:
    add("auth.log", AUTH)
    answer = ask("How many log-ins failed?")
    assert answer.text.startswith("3 events")
    assert lines(answer) == [1, 2, 4]
    assert "outcome failure" in answer.text
    assert lines(ask("How many log-ins from 192.0.2.1 failed?")) == [1, 2]
    assert lines(ask("How many log-ins of ann failed on 2 March?")) == [4]


def test_who_when_where(add: Add, ask: Ask) -> None:
    add("auth.log", AUTH)
    add("cloud.jsonl", CLOUD)
    assert "Actors: ann (1 event) [1], bob (1 event) [2]." in ask("Who logged in?").text
    assert ask("When did bob log in?").text.startswith("At ")
    assert "03-03T00:00:05Z [1]" in ask("When did bob log in?").text
    assert (
        "Sources: 192.0.2.1 (1 event) [1], 192.0.2.7 (1 event)"
        in ask("From which addresses were failed log-ins of ann?").text
    )
    assert ask("Which user failed to log in most often?").text.startswith(
        "Most: ann (2 events) [1], before root (1 event)."
    )


def test_a_citation_is_its_line(add: Add, ask: Ask, catalog: Catalog) -> None:
    add("auth.log", AUTH.replace("\n", "\r\n"))
    answer = ask("When did bob log in?")
    (citation,) = answer.citations
    text = LogTable(catalog, catalog.logs()[0]).text()
    assert (citation.path, citation.page, citation.lines) == ("auth.log", None, (5,))
    assert text[citation.start : citation.end] == citation.quote == AUTH.splitlines()[4]
    assert citation.section.endswith("bob · login · success · 192.0.2.7")


def test_what_was_only_tried_is_not_done(add: Add, ask: Ask) -> None:
    add("cloud.jsonl", CLOUD)
    answer = ask("Who deleted the bucket results?")
    assert lines(answer) == [3]
    assert "Not counted: 1 event that failed or was denied." in answer.warnings
    assert lines(ask("Who tried to delete the bucket results?")) == [2, 3]
    only = ask("Did bob delete the bucket results?")
    assert only.text.startswith("Only tried, without success.\nNo: 1 event")


def test_a_buckets_policy_is_no_bucket(add: Add, ask: Ask) -> None:
    add("cloud.jsonl", cloud(("cid", "DeleteBucketPolicy", "exports", None)))
    answer = ask("Who deleted the bucket?")
    assert (answer.standing, answer.alone) == ("nothing", True)
    assert [citation.lines for citation in answer.citations] == [(1,)]
    assert ask("Who deleted the bucket policy?").standing == "answer"


def test_other_words_for_the_same_action(add: Add, ask: Ask) -> None:
    add("cloud.jsonl", CLOUD)
    assert lines(ask("Was logging switched off?")) == [5]
    assert lines(ask("Who removed the bucket results?")) == [3]


def test_what_no_log_has_is_said(add: Add, ask: Ask) -> None:
    add("cloud.jsonl", CLOUD)
    answer = ask("Who deleted the bucket payroll-2026?")
    assert (answer.standing, answer.counted, answer.citations) == ("nothing", None, ())
    assert "“payroll-2026”" in answer.text
    together = ask("Did cid create the bucket results?")
    assert together.standing == "nothing"
    assert "together" in together.text
    assert "“why”" in ask("Why was the bucket deleted?").text


def test_free_text(add: Add, ask: Ask) -> None:
    line = "2026-03-01 10:00:0{} INFO app: {}\n"
    said = (
        "fan speed 3000 reported",
        "disk sda1 mounted",
        "fan speed 3100 reported",
        "Traceback follows\n  File x: disk",
    )
    add("app.log", "".join(line.format(second, text) for second, text in enumerate(said)))
    assert lines(ask("How many fan speeds were reported?")) == [1, 3]
    answer = ask("When was the disk mounted?")
    assert (lines(answer), answer.confidence) == ([2], ask("How many fan speeds were reported?").confidence)
    assert ask("How many disks were there?").citations[-1].lines == (4, 5)


def test_documents_with_many_events_on_a_line(add: Add, ask: Ask) -> None:
    rows = [json.loads(line) for line in CLOUD.splitlines()]
    add("cloud.json", json.dumps({"Records": rows}))
    answer = ask("Who deleted the bucket results?")
    assert [json.loads(citation.quote) for citation in answer.citations] == [rows[2]]
    assert [citation.lines for citation in answer.citations] == [(1,)]


def test_filters_and_documents_decide_who_is_asked(add: Add, catalog: Catalog) -> None:
    assert logs.answer(catalog, "Who logged in?", EVERYTHING) is None
    add("auth.log", AUTH)
    assert logs.answer(catalog, "Who logged in?", Filter(path="*.pdf")) is None
    assert logs.answer(catalog, "Who logged in?", Filter(section="3")) is None
    assert logs.answer(catalog, "Who logged in?", Filter(path="auth*")) is not None


def test_a_looser_reading_elsewhere_is_named_not_counted(add: Add, ask: Ask) -> None:
    add("cloud.jsonl", CLOUD)
    row = json.loads(cloud(("eve", "RemoveBucket", "archive", None))) | {"note": "moved to results"}
    add("other.jsonl", json.dumps(row) + "\n")
    answer = ask("Who deleted the bucket 'results'?")
    assert answer.counted is not None
    assert [log.path for log in answer.counted.logs] == ["cloud.jsonl"]
    assert any("other.jsonl" in warning for warning in answer.warnings)
