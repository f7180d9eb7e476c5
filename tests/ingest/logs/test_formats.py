"""Each format by a small sample: what its events say, and what is said about its lines."""

import gzip
import json
import os
from pathlib import Path

import pytest

from ingest.logs.facts import LogFacts
from ingest.logs.formats import is_log

from .conftest import Analyse, cloudtrail, json_lines, syslog


def _only(facts: LogFacts, name: str) -> list[tuple[str, int]]:
    return facts.counts[name].most_common()


def test_cloudtrail_lines(facts_of: Analyse) -> None:
    facts = facts_of(json_lines(cloudtrail("GetObject"), cloudtrail("DeleteBucket", 5, errorCode="AccessDenied")))
    assert (facts.format, facts.lines, facts.events) == ("json", 2, 2)
    assert _only(facts, "actors") == [("ann", 2)]
    assert _only(facts, "outcomes") == [("success", 1), ("denied", 1)]
    assert [template.pattern for template in facts.templates] == [
        "s3.amazonaws.com DeleteBucket AccessDenied",
        "s3.amazonaws.com GetObject",
    ]
    assert facts.to_json()["first"] == "2026-03-02T09:00:00Z"
    assert facts.to_json()["last"] == "2026-03-02T09:05:00Z"
    assert facts.counts["hours"] == {"09": 2}


@pytest.mark.parametrize("indent", [None, 1])
def test_cloudtrail_document(facts_of: Analyse, indent: int | None) -> None:
    text = json.dumps({"Records": [cloudtrail("GetObject"), cloudtrail("PutObject")]}, indent=indent)
    facts = facts_of(text)
    assert facts.events == 2
    assert facts.unparsed_lines == 0
    assert facts.lines == text.count("\n") + 1 == facts.event_lines
    assert all(template.lines[0] <= facts.lines for template in facts.templates)


def test_cut_document_keeps_what_came_before(facts_of: Analyse) -> None:
    text = json.dumps({"Records": [cloudtrail("GetObject"), cloudtrail("PutObject")]}, indent=1)
    facts = facts_of(text[: len(text) - 120])
    assert facts.events == 1
    assert facts.unparsed_lines > 0
    assert any("breaks off on line" in note for note in facts.notes)


def test_document_without_records(facts_of: Analyse) -> None:
    facts = facts_of('{"Records": []}\n')
    assert (facts.events, facts.unparsed_lines) == (0, 1)
    assert "No event was found in this file." in facts.notes


def test_known_services_by_their_keys(facts_of: Analyse) -> None:
    facts = facts_of(
        json_lines(
            {
                "protoPayload": {
                    "methodName": "SetIamPolicy",
                    "authenticationInfo": {"principalEmail": "gcp@example.com"},
                    "requestMetadata": {"callerIp": "192.0.2.1"},
                    "status": {"code": 7},
                },
                "timestamp": "2026-01-01T00:00:00Z",
            },
            {
                "verb": "create",
                "objectRef": {"resource": "pods", "subresource": "exec", "namespace": "prod", "name": "db"},
                "user": {"username": "kube"},
                "responseStatus": {"code": 403},
                "stageTimestamp": "2026-01-01T00:00:01Z",
            },
            {
                "eventType": "user.session.start",
                "actor": {"alternateId": "okta@example.com"},
                "outcome": {"result": "FAILURE", "reason": "INVALID_CREDENTIALS"},
                "client": {"ipAddress": "192.0.2.2"},
                "published": "2026-01-01T00:00:02Z",
            },
            {"action": "repo.destroy", "actor": "octo", "org": "acme", "repo": "acme/x", "created_at": 1767225600000},
        )
    )
    assert sorted(facts.counts["actors"]) == ["gcp@example.com", "kube", "octo", "okta@example.com"]
    assert sorted(facts.counts["actions"]) == [
        "SetIamPolicy", "create pods exec", "repo.destroy", "user.session.start",
    ]  # fmt: skip
    assert facts.counts["outcomes"] == {"denied": 2, "failure": 1, "success": 1}


def test_generic_json_by_the_names_of_its_keys(facts_of: Analyse) -> None:
    record = {"@timestamp": "2026-01-01T08:00:00+02:00", "User-Name": "ann", "operation": "export", "status": "OK"}
    facts = facts_of(json_lines(record, {"ts": 1767225600, "level": "warn", "msg": "disk 5 full"}))
    assert _only(facts, "actors") == [("ann", 1)]
    assert _only(facts, "outcomes") == [("success", 1)]
    assert [template.pattern for template in facts.templates] == ["disk <*> full", "export"]
    assert facts.counts["hours"] == {"06": 1, "00": 1}


def test_sshd_and_sudo(facts_of: Analyse) -> None:
    facts = facts_of(
        syslog("sshd[1]", "Failed password for invalid user bob from 192.0.2.1 port 22 ssh2")
        + syslog("sshd[1]", "Accepted publickey for ann from 192.0.2.2 port 22 ssh2")
        + syslog("sudo", "   ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls -l")
        + syslog("sudo", "   eve : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh")
    )
    assert facts.format == "syslog-rfc3164"
    assert facts.counts["actors"] == {"bob": 1, "ann": 2, "eve": 1}
    assert facts.counts["actions"] == {"login": 2, "sudo": 2}
    assert facts.counts["objects"] == {"/bin/ls -l": 1}
    assert facts.counts["outcomes"] == {"failure": 1, "success": 2, "denied": 1}


def test_year_is_inferred_from_the_files_date_and_said(tmp_path: Path) -> None:
    from ingest.logs.facts import analyse

    path = tmp_path / "auth.log"
    path.write_text("Dec 31 23:59:59 h a: x\nJan  1 00:00:01 h a: x\n")
    os.utime(path, (1767312000, 1767312000))  # 2026-01-02
    facts = analyse(path, "auth.log")
    assert facts.to_json()["first"] == "2025-12-31T23:59:59Z"
    assert facts.to_json()["last"] == "2026-01-01T00:00:01Z"
    assert any("year is inferred" in note for note in facts.notes)


def test_rfc5424(facts_of: Analyse) -> None:
    facts = facts_of(
        '<38>1 2026-03-02T10:00:00.5+01:00 h sshd 7 - [a@1 b="c \\] d"] Accepted password for ann from ::1 port 1\n'
    )
    assert facts.format == "syslog-rfc5424"
    assert facts.to_json()["first"] == "2026-03-02T09:00:00.500000Z"
    assert facts.counts["actors"] == {"ann": 1}


def test_access_log(facts_of: Analyse) -> None:
    facts = facts_of(
        '192.0.2.1 - - [02/Mar/2026:10:00:00 +0100] "GET /static/a.css?v=1 HTTP/1.1" 200 5 "-" "x"\n'
        '192.0.2.1 - ann [02/Mar/2026:10:00:01 +0100] "POST /login HTTP/1.1" 401 5 "-" "x"\n'
    )
    assert facts.format == "access-log"
    assert {template.pattern for template in facts.templates} == {"GET /static/<*> 200", "POST /login 401"}
    assert facts.counts["outcomes"] == {"success": 1, "denied": 1}
    assert facts.counts["hours"] == {"09": 2}


def test_table_with_quoted_line_ends(facts_of: Analyse) -> None:
    facts = facts_of(
        "Timestamp;User;Action;Object;Outcome;IP\n"
        '2026-03-02 10:00:00;ann;edit;"a\n\nb";success;192.0.2.1\n'
        "2026-03-02 10:00:01;bob;delete\n"
        "2026-03-02 10:00:02;bob;delete;c;denied;192.0.2.1\n"
    )
    assert (facts.format, facts.lines, facts.events) == ("csv", 6, 2)
    assert (facts.event_lines, facts.blank_lines, facts.unparsed_lines) == (3, 1, 2)  # the header, the short row
    assert facts.counts["outcomes"] == {"success": 1, "denied": 1}
    assert any("header" in note for note in facts.notes)


def test_stack_trace_joins_the_event_before(facts_of: Analyse) -> None:
    facts = facts_of(
        "2026-03-02 10:00:00,1 ERROR [main] a.B: it failed 7 times\n"
        "java.io.IOException: gone\n\tat a.B.c(B.java:1)\n\nCaused by: java.lang.Error: x\n"
        "2026-03-02 10:00:01,1 INFO [main] a.B: done\n"
    )
    assert (facts.events, facts.event_lines, facts.blank_lines, facts.unparsed_lines) == (2, 5, 1, 0)
    assert [(t.pattern, list(t.lines)) for t in facts.templates] == [("done", [6]), ("it failed <*> times", [1])]


def test_stray_and_cut_lines_are_unparsed(facts_of: Analyse) -> None:
    good = "".join(syslog("cron[1]", f"job {number} done", second=number % 60) for number in range(60))
    facts = facts_of(good + "?? what is this\n" + "Mar  2 10:0")
    assert facts.unparsed_lines == 2
    assert facts.unparsed == [61, 62]
    assert any("no line end" in note for note in facts.notes)


def test_mixed_formats_are_each_understood(facts_of: Analyse) -> None:
    facts = facts_of(
        (json_lines(cloudtrail("GetObject")) + syslog("sshd[1]", "Accepted password for bob from ::1 port 1")) * 3
    )
    assert facts.format.startswith("mixed: ")
    assert facts.counts["actors"] == {"ann": 3, "bob": 3}
    assert facts.unparsed_lines == 0


def test_any_other_text_by_templates(facts_of: Analyse) -> None:
    facts = facts_of("door 1 opened\ndoor 22 opened\nalarm silent\n")
    assert facts.format == "text"
    assert [(t.pattern, t.count) for t in facts.templates] == [("door <*> opened", 2), ("alarm silent", 1)]


def test_gzip_and_its_cut(facts_of: Analyse) -> None:
    packed = gzip.compress(json_lines(*(cloudtrail("GetObject", n) for n in range(50))).encode())
    assert facts_of(packed).events == 50
    cut = facts_of(packed[:-60])
    assert 0 < cut.events <= 50
    assert any("ends too early" in note for note in cut.notes)


def test_empty_file(facts_of: Analyse) -> None:
    facts = facts_of("")
    assert (facts.format, facts.lines, facts.events, facts.templates) == ("empty", 0, 0, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json_lines(cloudtrail("GetObject")), True),
        (json.dumps({"Records": [cloudtrail("GetObject")]}, indent=2), True),
        (syslog("cron[1]", "x"), True),
        ("time,user,action,object\n2026-01-01,a,b,c\n", True),
        ("2026-01-01 10:00:00 INFO started\n2026-01-01 10:00:01 INFO stopped\n", True),
        (json_lines({"id": "1", "text": "A policy.", "title": "P"}, {"id": "2", "text": "More."}), False),
        (json_lines({"id": "1", "text": "A policy.", "date": "2026-01-01", "type": "memo"}), False),
        (json_lines({"name": "ann", "salary": 5}), False),
        ("name,salary,department\nann,5,lab\n", False),
        ("date,amount,account\n2026-01-01,5,1\n", False),
        (json.dumps({"title": "settings", "value": [1, 2]}), False),
        ("Visitors sign in at reception.\n\nOn 2 March 2026 the rule changed.\n", False),
        ("", False),
    ],
)
def test_logs_are_told_from_documents(tmp_path: Path, text: str, expected: bool) -> None:
    path = tmp_path / "name.that.says.nothing"
    path.write_text(text)
    assert is_log(path) is expected


def test_what_cannot_be_read_is_no_log(tmp_path: Path) -> None:
    assert not is_log(tmp_path / "missing.log")
    binary = tmp_path / "x.log"
    binary.write_bytes(bytes(range(256)) * 10)
    assert not is_log(binary)
