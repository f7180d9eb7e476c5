"""What stands out, and what does not: each rule and signal with a small log for and, where it may err, one against."""

import json
from typing import Any

import pytest

from ingest.logs.facts import LogFacts
from ingest.logs.rules import load
from ingest.logs.words import words_of

from .conftest import Analyse, cloudtrail, json_lines, syslog


def _found(facts: LogFacts) -> dict[str, str]:
    return {finding.title: finding.severity for finding in facts.findings}


def _grave(facts: LogFacts) -> list[str]:
    return [finding.title for finding in facts.findings if finding.severity in ("high", "critical")]


def _app(action: str, minute: int, user: str = "ann", thing: str = "R-1", **more: Any) -> dict[str, Any]:
    time = f"2026-03-{2 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00Z"
    return {"timestamp": time, "user": user, "action": action, "object": thing, "outcome": "success", **more}


ROOT = {"type": "Root", "arn": "arn:aws:iam::111122223333:root"}


@pytest.mark.parametrize(
    ("record", "severity", "title"),
    [
        (
            cloudtrail(
                "ConsoleLogin",
                userIdentity=ROOT,
                responseElements={"ConsoleLogin": "Success"},
                additionalEventData={"MFAUsed": "No"},
            ),
            "critical",
            "The root account logged in without a second factor",
        ),
        (cloudtrail("CreateBucket", userIdentity=ROOT), "medium", "The root account was used"),
        (cloudtrail("StopLogging"), "high", "Logging or monitoring was switched off or deleted"),
        (cloudtrail("DeleteTrail"), "high", "Logging or monitoring was switched off or deleted"),
        (
            cloudtrail("DeleteTrail", errorCode="AccessDenied"),
            "medium",
            "Attempted, without success: logging or monitoring was switched off or deleted",
        ),
        (cloudtrail("CreateAccessKey"), "medium", "Keys, tokens or passwords were created"),
        (
            cloudtrail(
                "AttachUserPolicy", requestParameters={"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
            ),
            "high",
            "Administrator rights were given",
        ),
        (
            cloudtrail("PutBucketAcl", requestParameters={"acl": "http://acs.amazonaws.com/groups/global/AllUsers"}),
            "high",
            "Something was opened to everybody",
        ),
        (cloudtrail("ScheduleKeyDeletion"), "high", "An encryption key was disabled or marked for deletion"),
        (cloudtrail("DeactivateMFADevice"), "medium", "A second factor was removed or reset"),
        (_app("CONFIG", 1, detail="audit_trail=off"), "high", "An audit trail was switched off"),
    ],
)
def test_single_events_that_matter(facts_of: Analyse, record: dict[str, Any], severity: str, title: str) -> None:
    facts = facts_of(json_lines(cloudtrail("ListBuckets"), record))
    assert _found(facts) == {title: severity}
    assert list(facts.findings[0].lines) == [2]


@pytest.mark.parametrize(
    "name", ["GetObject", "ListUsers", "DescribeTrails", "AssumeRole", "GenerateDataKey", "GetTrailStatus", "Decrypt"]
)
def test_daily_work_is_no_finding(facts_of: Analyse, name: str) -> None:
    assert _found(facts_of(json_lines(cloudtrail(name)))) == {}


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        (syslog("useradd[1]", "new user: name=sys, UID=0, GID=0, home=/root, shell=/bin/sh"), "critical"),
        (syslog("sudo", "  ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/rm /var/log/auth.log"), "high"),
        (syslog("sudo", "  ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/systemctl stop auditd"), "high"),
        (syslog("usermod[1]", "add 'ann' to group 'sudo'"), "high"),
        (syslog("sudo", "  ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/sbin/visudo"), "medium"),
        (syslog("sshd[1]", "Accepted password for root from 192.0.2.1 port 22 ssh2"), "medium"),
        (syslog("sudo", "  ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/bash"), "low"),
    ],
)
def test_syslog_events_that_matter(facts_of: Analyse, line: str, severity: str) -> None:
    assert [finding.severity for finding in facts_of(line).findings] == [severity]


def test_guessed_password(facts_of: Analyse) -> None:
    text = "".join(
        syslog("sshd[1]", "Failed password for bob from 192.0.2.9 port 1 ssh2", second=second) for second in range(12)
    ) + syslog("sshd[1]", "Accepted password for bob from 192.0.2.9 port 1 ssh2", second=30)
    facts = facts_of(text)
    assert _grave(facts) == ["A log-in of bob from 192.0.2.9 succeeded after 12 failures"]
    assert list(facts.findings[0].lines) == list(range(1, 14))


def test_guessing_without_success_is_less(facts_of: Analyse) -> None:
    text = "".join(
        syslog("sshd[1]", f"Failed password for u{second} from 192.0.2.9 port 1 ssh2", second=second)
        for second in range(12)
    )
    assert _found(facts_of(text)) == {"12 failed log-ins from 192.0.2.9": "medium"}


def test_a_mistyped_password_now_and_then_is_nothing(facts_of: Analyse) -> None:
    text = "".join(
        syslog("sshd[1]", "Failed password for bob from 192.0.2.9 port 1 ssh2", day=day)
        + syslog("sshd[1]", "Accepted password for bob from 192.0.2.9 port 1 ssh2", day=day, second=9)
        for day in range(1, 29)
    )
    assert _found(facts_of(text)) == {}


def test_refusals_of_many_kinds_are_a_probe(facts_of: Analyse) -> None:
    probe = [cloudtrail(f"List{kind}", errorCode="AccessDenied") for kind in "ABCDEFGH"]
    assert _found(facts_of(json_lines(*probe))) == {"8 refusals to ann in quick succession": "high"}
    same = [cloudtrail("ListUsers", errorCode="AccessDenied", eventID=n) for n in range(8)]
    assert _found(facts_of(json_lines(*same))) == {"8 refusals to ann in quick succession": "medium"}
    slow = [cloudtrail(f"List{kind}", 15 * n, errorCode="AccessDenied") for n, kind in enumerate("ABCDEFGH")]
    assert _found(facts_of(json_lines(*slow))) == {}


def test_mass_export_against_what_is_usual(facts_of: Analyse) -> None:
    usual = [_app("export", 60 * n, f"u{n % 5}", f"list-{n}") for n in range(12)]
    mass = [_app("export", 900 + n, "eve", f"list-x{n}") for n in range(20)]
    assert "eve did export 20 times in one hour" in _found(facts_of(json_lines(*usual, *mass)))
    assert _found(facts_of(json_lines(*usual))) == {}


def test_a_program_that_always_reads_much_is_its_own_measure(facts_of: Analyse) -> None:
    backup = [_app("download", 60 * hour + n, "backup", f"f{n}") for hour in range(10) for n in range(40)]
    people = [_app("download", 60 * hour + 50, "ann", "f1") for hour in range(10)]
    assert _grave(facts_of(json_lines(*backup, *people))) == []


def test_approved_records_changed_at_night(facts_of: Analyse) -> None:
    work = [_app("view", 540 + n, thing=f"R-{n}") for n in range(300)]
    approve = [_app("approve_result", 850 + n, "bob", f"R-{n}") for n in range(5)]
    night = [_app("amend_result", 1440 + 120, "eve", "R-1"), _app("amend_result", 1440 + 121, "eve", "R-2")]
    facts = facts_of(json_lines(*work, *approve, *night))
    assert _grave(facts) == ["Approved records were changed at hours when hardly anybody works"]
    day = [_app("amend_result", 855, "eve", "R-1")]
    assert _found(facts_of(json_lines(*work, *approve, *day))) == {
        "Records were changed after they had been approved": "low"
    }
    unapproved = [_app("amend_result", 1440 + 120, "eve", "R-99")]
    assert _found(facts_of(json_lines(*work, *approve, *unapproved))) == {}


def test_approved_by_the_person_who_entered_it(facts_of: Analyse) -> None:
    records = []
    for n in range(40):
        records += [_app("enter", 2 * n, "ann", f"R-{n}"), _app("approve", 2 * n + 1, "bob", f"R-{n}")]
    own = [_app("enter", 100, "eve", "R-x"), _app("approve", 101, "eve", "R-x")]
    facts = facts_of(json_lines(*records, *own))
    assert _found(facts) == {"Records were approved by the person who had entered them": "medium"}
    assert list(facts.findings[0].lines) == [81, 82]


def test_one_account_in_two_places(facts_of: Analyse) -> None:
    turns = [cloudtrail("GetObject", n, sourceIPAddress=("192.0.2.7", "198.51.100.7")[n % 2]) for n in range(6)]
    assert _found(facts_of(json_lines(*turns))) == {"ann was active in two places at once": "medium"}
    moved = [cloudtrail("GetObject", n, sourceIPAddress="192.0.2.7" if n < 3 else "198.51.100.7") for n in range(6)]
    assert _found(facts_of(json_lines(*moved))) == {}


def test_silence_against_the_logs_own_rhythm(facts_of: Analyse) -> None:
    steady = [syslog("cron[1]", "tick", hour=n // 60 % 24, minute=n % 60, day=2 + n // 1440) for n in range(600)]
    assert _found(facts_of("".join(steady))) == {}
    assert _found(facts_of("".join(steady[:200] + steady[500:]))) == {"The log is silent for 5.0 hours": "medium"}


def test_nights_are_silent_every_day(facts_of: Analyse) -> None:
    days = [
        syslog("cron[1]", "tick", hour=8 + n // 60, minute=n % 60, day=day) for day in (2, 3, 4) for n in range(500)
    ]
    assert _found(facts_of("".join(days))) == {}


def test_clock_that_goes_back(facts_of: Analyse) -> None:
    steady = [syslog("cron[1]", "tick", hour=10 + n // 60, minute=n % 60) for n in range(200)]
    facts = facts_of("".join(steady) + syslog("cron[1]", "tick", hour=10) + steady[-1])
    assert _found(facts) == {"The clock goes backwards": "medium"}
    assert list(facts.findings[0].lines) == [201]


def test_the_same_record_twice(facts_of: Analyse) -> None:
    facts = facts_of(json_lines(cloudtrail("A"), cloudtrail("B"), cloudtrail("A")))
    assert _found(facts) == {"Records are there twice": "low"}
    assert list(facts.findings[0].lines) == [3]


def test_findings_come_gravest_first_and_fit_the_contract(facts_of: Analyse) -> None:
    facts = facts_of(json_lines(cloudtrail("CreateAccessKey"), cloudtrail("StopLogging")))
    entries = json.loads(json.dumps(facts.to_json()))["findings"]
    assert [entry["severity"] for entry in entries] == ["high", "medium"]
    assert all(set(entry) == {"severity", "title", "why", "check", "technique", "count", "lines"} for entry in entries)
    assert "ann (1)" in entries[0]["why"]


def test_words_of_an_action() -> None:
    for action in ("DeleteTrail", "delete_trail", "Delete trail", "delete.trail", "DELETE-TRAIL"):
        assert words_of(action) == ("delete", "trail")
    assert words_of("DeleteDBInstance") == ("delete", "db", "instance")


def test_titles_of_rules_are_different() -> None:
    rules = load().rules
    assert len({rule.title for rule in rules}) == len(rules)


def _logins(days: int, **more: Any) -> list[dict[str, Any]]:
    return [
        _app("login", 1440 * day + minute, source_ip="192.0.2.7", **more)
        for day in range(days)
        for minute in (540, 780)
    ]


def test_log_ins_out_of_habit(facts_of: Analyse) -> None:
    usual = _logins(20)
    night, away, both = (
        _app("login", 1440 * 20 + minute, source_ip=source)
        for minute, source in ((180, "192.0.2.7"), (541, "198.51.100.9"), (181, "198.51.100.9"))
    )
    assert _found(facts_of(json_lines(*usual))) == {}
    odd = _found(facts_of(json_lines(*usual, night)))
    assert odd == {"Log-ins from its usual place at an hour that is new for the account": "low"}
    new = _found(facts_of(json_lines(*usual, away)))
    assert new == {"Log-ins from a place that is new for the account": "low"}
    facts = facts_of(json_lines(*usual, both))
    assert _found(facts) == {"Log-ins from a place and at an hour that are new for the account": "medium"}
    assert list(facts.findings[0].lines) == [41]


def test_a_log_in_from_a_new_place_is_nothing_for_a_traveller_or_a_newcomer(facts_of: Analyse) -> None:
    travels = [
        _app("login", 1440 * day + 540, source_ip=f"203.{day % 6}.1.1") for day in range(28)
    ] + [_app("login", 1440 * 28 + 540, source_ip="198.51.100.9")]  # fmt: skip
    assert "Log-ins from a place that is new for the account" not in _found(facts_of(json_lines(*travels)))
    newcomer = [*_logins(3), _app("login", 1440 * 3 + 180, source_ip="198.51.100.9")]
    assert _found(facts_of(json_lines(*newcomer))) == {}


def test_a_burst_of_failures_against_the_logs_own_hours(facts_of: Analyse) -> None:
    def day(number: int, failures: int) -> list[dict[str, Any]]:
        return [
            _app("sync", 1440 * number + 60 * hour + n, f"u{n}", outcome="failure" if n < failures else "success")
            for hour in range(24)
            for n in range(failures + 1)
        ]

    usual = [record for number in range(4) for record in day(number, 2)]
    burst = [_app("sync", 1440 * 4 + n // 20, f"u{n}", outcome="failure") for n in range(80)]
    facts = facts_of(json_lines(*usual, *burst))
    assert _found(facts) == {"80 failures and refusals in one hour": "medium"}
    assert facts.findings[0].count == 80
    assert list(facts.findings[0].lines) == list(range(len(usual) + 1, len(usual) + 81))
    assert _found(facts_of(json_lines(*usual, *burst[:40]))) == {}
    noisy = [record for number in range(4) for record in day(number, 20)]
    assert _found(facts_of(json_lines(*noisy, *burst))) == {}
