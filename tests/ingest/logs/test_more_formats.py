"""Formats of security tools and hosts: what is mapped from realistic lines, and that every line is accounted for."""

import gzip
import json

import pytest

from ingest.errors import ReadError
from ingest.logs.auditd import Auditd
from ingest.logs.facts import LogFacts
from ingest.logs.formats import is_log
from ingest.logs.pairs import pairs_of
from ingest.types import FileStatus

from .conftest import Analyse, cloudtrail, json_lines, syslog
from .evtx_file import evtx

CEF = (
    "CEF:0|Trend|Deep Security|20.0|4000030|Logon failed|6|rt=1772445600000 suser=ann src=192.0.2.7 dhost=db 01 "
    r"outcome=failure reason=wrong\=password msg=It failed \\ twice cs1Label=Policy Name cs1=Server Policy"
)
LEEF1 = "LEEF:1.0|Acme|Gate|2.1|UserLogin|devTime=2026-03-02T10:00:00Z\tusrName=ann\tsrc=192.0.2.7\tresult=success"
LEEF2 = "LEEF:2.0|Acme|Gate|2.1|DeletePolicy|^|devTime=2026-03-02T10:00:01Z^usrName=bob^src=192.0.2.8^resource=main"


def _adds_up(facts: LogFacts) -> None:
    assert facts.event_lines + facts.blank_lines + facts.unparsed_lines == facts.lines
    assert sum(template.count for template in facts.templates) == facts.events


def test_cef(facts_of: Analyse) -> None:
    facts = facts_of(CEF + "\n")
    assert facts.format == "cef"
    assert facts.counts["actors"] == {"ann": 1}
    assert facts.counts["actions"] == {"Logon failed": 1}
    assert facts.counts["objects"] == {"db 01": 1}
    assert facts.counts["outcomes"] == {"failure": 1}
    assert facts.counts["sources"] == {"192.0.2.7": 1}
    assert facts.counts["error_codes"] == {"wrong=password": 1}
    assert facts.to_json()["first"] == "2026-03-02T10:00:00Z"
    record = pairs_of(CEF)
    assert record is not None
    assert record["Policy Name"] == "Server Policy"
    assert record["msg"] == "It failed \\ twice"


@pytest.mark.parametrize("prefix", ["Mar  2 10:00:00 gate ", "<134>1 2026-03-02T10:00:00Z gate app 7 - - "])
def test_cef_and_leef_inside_syslog(facts_of: Analyse, prefix: str) -> None:
    facts = facts_of("".join(f"{prefix}{line}\n" for line in (CEF, LEEF1, LEEF2)))
    assert facts.format.startswith("syslog-rfc")
    assert facts.counts["actors"] == {"ann": 2, "bob": 1}
    assert facts.counts["actions"] == {"Logon failed": 1, "UserLogin": 1, "DeletePolicy": 1}
    _adds_up(facts)


def test_leef(facts_of: Analyse) -> None:
    facts = facts_of(f"{LEEF1}\n{LEEF2}\n")
    assert facts.format == "leef"
    assert facts.counts["actions"] == {"UserLogin": 1, "DeletePolicy": 1}
    assert facts.counts["objects"] == {"main": 1}
    assert facts.counts["outcomes"] == {"success": 1}
    assert facts.to_json()["last"] == "2026-03-02T10:00:01Z"


@pytest.mark.parametrize("named", ["x5E", "0x5e", "^"])
def test_leef_delimiters(named: str) -> None:
    record = pairs_of(f"LEEF:2.0|A|B|1|E|{named}|a=1^b=2 3")
    assert record is not None
    assert (record["a"], record["b"]) == ("1", "2 3")


@pytest.mark.parametrize("line", ["CEF:0|a|b|c", "CEF:", "LEEF:1.0|a", "LEEF:", "CEF:0|||||||"])
def test_cut_headers_are_no_accident(facts_of: Analyse, line: str) -> None:
    _adds_up(facts_of(f"{CEF}\n{line}\n{CEF}\n"))


AUDITD = """\
type=SYSCALL msg=audit(1772445600.123:901): arch=c000003e syscall=2 success=no exit=-13 a0=7ff pid=9 auid=1000 \
uid=1000 comm="cat" exe="/usr/bin/cat" key="passwords"\x1dSYSCALL=open AUID="ann" UID="ann"
type=CWD msg=audit(1772445600.123:901): cwd="/home/ann"
type=PATH msg=audit(1772445600.123:901): item=0 name="/etc/shadow" inode=7 mode=0100000 nametype=NORMAL
type=PROCTITLE msg=audit(1772445600.123:901): proctitle=636174002F6574632F736861646F77
type=USER_LOGIN msg=audit(1772445660.000:902): pid=11 uid=0 auid=1000 ses=3 msg='op=login acct="bob" \
exe="/usr/sbin/sshd" hostname=? addr=192.0.2.9 terminal=sshd res=failed'
node=web01 type=USER_CMD msg=audit(1772445720.000:903): pid=12 uid=1000 auid=1000 msg='cwd="/" cmd=6C73202D6C \
terminal=pts/0 res=success'
type=EXECVE msg=audit(1772445780.000:904): argc=3 a0="rm" a1="-rf" a2=2F746D702F61206220
type=CONFIG_CHANGE msg=audit(1772445840.000:905): auid=1000 op=set audit_enabled=0 old=1 res=1
"""


def test_auditd_records_of_one_event_are_joined(facts_of: Analyse) -> None:
    facts = facts_of(AUDITD)
    assert (facts.format, facts.lines, facts.events, facts.event_lines) == ("auditd", 8, 5, 8)
    assert facts.counts["actions"] == {
        "passwords": 1, "login": 1, "sudo": 1, "execute": 1, "change audit config": 1,
    }  # fmt: skip
    assert facts.counts["actors"] == {"ann": 1, "bob": 1, "1000": 2}
    assert facts.counts["objects"] == {"/etc/shadow": 1, "ls -l": 1, "rm -rf /tmp/a b": 1, "/usr/sbin/sshd": 1}
    assert facts.counts["outcomes"] == {"denied": 1, "failure": 1, "success": 2}
    assert facts.counts["sources"] == {"192.0.2.9": 1}
    assert facts.to_json()["first"] == "2026-03-02T10:00:00.123000Z"
    _adds_up(facts)
    (switched,) = [finding for finding in facts.findings if finding.severity == "high"]
    assert list(switched.lines) == [8]


def test_auditd_events_are_told_by_their_serial() -> None:
    form = Auditd()
    one, two, other = (
        (form.parse(n, f'type=PATH msg=audit(1772445600.1:{serial}): name="{n}"') or ())[0]
        for n, serial in ((1, 5), (2, 5), (3, 6))
    )
    joined = form.joined(one, two)
    assert joined is not None
    assert joined.lines == (1, 2)
    assert joined.record is not None
    assert joined.record["name"] == ["1", "2"]
    assert form.joined(joined, other) is None


def _windows(number: int, channel: str = "Security", keywords: str = "0x8020000000000000", **data: str) -> str:
    fields = "".join(f'<Data Name="{name}">{value}</Data>' for name, value in data.items())
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Microsoft-Windows-Security-Auditing' Guid='{54849625}'/>"
        f"<EventID>{number}</EventID><Version>2</Version><Level>0</Level><Keywords>{keywords}</Keywords>"
        "<TimeCreated SystemTime='2026-03-02T10:00:00.1234567Z'/><EventRecordID>1</EventRecordID>"
        f"<Channel>{channel}</Channel><Computer>dc01.example.org</Computer><Security/></System>"
        f"<EventData>{fields}</EventData></Event>"
    )


EVENTS = (
    _windows(4624, SubjectUserName="DC01$", TargetUserName="ann", IpAddress="192.0.2.7", LogonType="3"),
    _windows(4625, keywords="0x8010000000000000", TargetUserName="bob", IpAddress="192.0.2.8", Status="0xc000006d"),
    _windows(4732, SubjectUserName="eve", TargetUserName="Administrators", MemberName="CN=mallory"),
    _windows(1102, SubjectUserName="eve"),
)


@pytest.mark.parametrize(
    ("text", "event_lines", "unparsed"),
    [
        ("\n".join(EVENTS) + "\n", 4, 0),
        ("<?xml version='1.0' encoding='utf-8'?><Events>" + "".join(EVENTS) + "</Events>", 1, 0),
        ("<Events>\n" + "\n".join(EVENTS).replace("><", ">\n  <") + "\n</Events>\n", None, 2),
    ],
)
def test_windows_events(facts_of: Analyse, text: str, event_lines: int | None, unparsed: int) -> None:
    facts = facts_of(text)
    assert (facts.format, facts.events, facts.unparsed_lines) == ("windows", 4, unparsed)
    assert event_lines is None or facts.event_lines == event_lines
    assert facts.counts["actors"] == {"ann": 1, "bob": 1, "eve": 2}
    assert facts.counts["actions"] == {"login": 2, "add group member": 1, "clear audit log": 1}
    assert facts.counts["outcomes"] == {"success": 3, "failure": 1}
    assert facts.counts["sources"]["192.0.2.8"] == 1
    assert facts.counts["error_codes"] == {"0xc000006d": 1}
    assert facts.to_json()["first"] == "2026-03-02T10:00:00.123456Z"
    assert [finding.severity for finding in facts.findings] == ["high", "high"]
    _adds_up(facts)


def test_windows_events_that_are_broken_cut_or_hostile(facts_of: Analyse) -> None:
    bomb = '<Event><System><Provider Name="&lol;"/></System></Event>'
    text = "\n".join((EVENTS[0], "<Event><System></Event>", bomb, "", "free text", EVENTS[1], EVENTS[2][:200]))
    facts = facts_of(text)
    assert (facts.events, facts.event_lines, facts.blank_lines, facts.unparsed_lines) == (2, 2, 1, 4)
    assert any("no valid XML" in note for note in facts.notes)
    _adds_up(facts)


def test_windows_event_without_an_end_is_bounded(facts_of: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.logs.windows.EVENT_MAX", 1000)
    facts = facts_of("<Event>" + "x" * 3000 + EVENTS[0] + "\n" + EVENTS[1])
    assert facts.events >= 1
    _adds_up(facts)


def test_evtx_is_read_as_its_xml_is(facts_of: Analyse) -> None:
    script = _windows(4104, channel="Microsoft-Windows-PowerShell/Operational", ScriptBlockText="line 1&#10;line 2")
    facts = facts_of(evtx((*EVENTS, script)))
    assert (facts.format, facts.lines, facts.events, facts.unparsed_lines) == ("windows", 5, 5, 0)
    same = facts_of("\n".join((*EVENTS, script)))
    for name in ("actors", "actions", "outcomes", "sources", "error_codes", "hours"):
        assert facts.counts[name] == same.counts[name]
    assert [(f.title, list(f.lines)) for f in facts.findings] == [(f.title, list(f.lines)) for f in same.findings]
    assert any("numbers of lines are those of its records" in note for note in facts.notes)


def test_evtx_with_a_damaged_record_goes_on(facts_of: Analyse) -> None:
    content = bytearray(evtx(EVENTS))
    place = content.index("System".encode("utf-16-le")) + 14  # the tag that follows
    content[place : place + 8] = b"\xff" * 8
    facts = facts_of(bytes(content))
    assert (facts.lines, facts.events, facts.unparsed_lines) == (4, 3, 1)


def test_evtx_that_is_cut(facts_of: Analyse) -> None:
    whole = evtx(EVENTS)
    with pytest.raises(ReadError) as error:
        facts_of(whole[:100])
    assert error.value.status is FileStatus.DAMAGED
    facts = facts_of(whole[:5000])
    assert facts.events == 0
    assert any("is cut" in note for note in facts.notes)


def test_sigma_rules_of_windows_meet_its_events(facts_of: Analyse) -> None:
    run = _windows(4688, NewProcessName=r"C:\Windows\cmd.exe", CommandLine="cmd /c mimikatz.exe", SubjectUserName="eve")
    assert [f.title for f in facts_of(run).findings] == ["A tool that intruders use was run"]


@pytest.mark.parametrize("text", [CEF, LEEF1 + "\n" + LEEF2, AUDITD, "\n".join(EVENTS), "<Events>" + EVENTS[0]])
def test_they_are_logs(tmp_path, text: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "x"
    path.write_text(text)
    assert is_log(path)


def test_all_kinds_of_lines_in_one_file_and_packed(facts_of: Analyse) -> None:
    lines = (
        CEF,
        LEEF1,
        *AUDITD.strip().split("\n"),
        syslog("sshd[1]", "Accepted password for ann from ::1 port 1").strip(),
        json.dumps(cloudtrail("GetObject")),
    )
    facts = facts_of(gzip.compress(("\n".join(lines) + "\n").encode()))
    assert facts.format.startswith("mixed: ")
    assert (facts.lines, facts.events, facts.unparsed_lines) == (12, 9, 0)
    _adds_up(facts)


def test_services_by_realistic_records(facts_of: Analyse) -> None:
    records = (
        {
            "time": "2026-03-02T10:00:00Z",
            "resourceId": "/SUBSCRIPTIONS/1/RG",
            "operationName": "MICROSOFT.SQL/SERVERS/WRITE",
            "category": "Administrative",
            "resultType": "Success",
            "callerIpAddress": "192.0.2.1",
            "caller": "ann@example.org",
        },
        {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "verb": "delete",
            "user": {"username": "ann"},
            "sourceIPs": ["192.0.2.2"],
            "objectRef": {"resource": "pods", "namespace": "p", "name": "x"},
            "responseStatus": {"code": 200},
            "stageTimestamp": "2026-03-02T10:00:01Z",
        },
        {
            "kind": "admin#reports#activity",
            "id": {"time": "2026-03-02T10:00:02Z", "applicationName": "login"},
            "actor": {"email": "bob@example.org"},
            "ipAddress": "192.0.2.3",
            "events": [
                {"type": "login", "name": "login_failure", "parameters": [{"name": "login_type", "value": "saml"}]}
            ],
        },
        {"@timestamp": 1772445603000, "action": "repo.access", "actor": "octo", "org": "acme", "repo": "acme/x"},
        {
            "id": {"time": "2026-03-02T10:00:04Z", "applicationName": "login"},
            "events": [{"type": "account_warning", "name": "account_disabled_password_leak"}],
        },
    )
    facts = facts_of(json_lines(*records))
    assert sorted(facts.counts["actions"]) == [
        "MICROSOFT.SQL/SERVERS/WRITE",
        "account_disabled_password_leak",
        "delete pods",
        "login_failure",
        "repo.access",
    ]
    assert sorted(facts.counts["actors"]) == ["ann", "ann@example.org", "bob@example.org", "octo"]
    assert facts.to_json()["last"] == "2026-03-02T10:00:04Z"


@pytest.mark.parametrize(
    ("record", "action", "actor", "outcome"),
    [
        (
            {"event": {"type": "page.viewed", "id": "7", "timestamp": "2026-03-02T10:00:00Z"}, "user": "ann"},
            "page.viewed",
            "ann",
            None,
        ),
        (
            {
                "created_at": "2026-03-02T10:00:00Z",
                "type": "role_granted",
                "actor": {"type": "user_actor", "email_address": "a@b.c"},
            },
            "role_granted",
            "a@b.c",
            None,
        ),
        (
            {"timestamp": "2026-03-02T10:00:00Z", "event_type": {"_tag": "file_view"}, "user": {"email": "a@b.c"}},
            "file_view",
            "a@b.c",
            None,
        ),
        (
            {"time": "2026-03-02T10:00:00Z", "event": "user.login", "user": "ann", "code": "T1000I"},
            "user.login",
            "ann",
            None,
        ),
        (
            {"time": "2026-03-02T10:00:00Z", "actionName": "getTable", "user": "ann", "response": {"statusCode": 403}},
            "getTable",
            "ann",
            "denied",
        ),
        (
            {"time": "2026-03-02T10:00:00Z", "EVENT_TYPE": "LOGIN", "USER_NAME": "ann", "IS_SUCCESS": "NO"},
            "LOGIN",
            "ann",
            "failure",
        ),
        (
            {"time": "2026-03-02T10:00:00Z", "action": "open", "user": "ann", "error": "ENOENT"},
            "open",
            "ann",
            "failure",
        ),
        ({"time": "2026-03-02T10:00:00Z", "action": "open", "user": "ann", "reason": "weekly"}, "open", "ann", None),
    ],
)
def test_what_other_services_call_things(
    facts_of: Analyse, record: dict[str, object], action: str, actor: str, outcome: str | None
) -> None:
    facts = facts_of(json_lines(record))
    assert list(facts.counts["actions"]) == [action]
    assert list(facts.counts["actors"]) == [actor]
    assert list(facts.counts["outcomes"]) == ([outcome] if outcome else [])
