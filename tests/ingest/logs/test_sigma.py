"""Rules from YAML: what the subset of Sigma means, and what is said of a file that cannot be read."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import UsageError
from ingest.logs.conditions import fields_of
from ingest.logs.events import Event
from ingest.logs.facts import analyse
from ingest.logs.records import JsonLines
from ingest.logs.rules import SHIPPED, Rules, load
from ingest.logs.sigma import read_rules

from .conftest import event_of

RECORD = {
    "time": "2026-03-02T10:00:00Z",
    "user": "ann",
    "action": "UpdateThing",
    "outcome": "success",
    "CommandLine": r"C:\tools\run.exe -enc AAAA",
    "size": 1500,
    "open": True,
    "note": None,
    "address": "10.1.2.3",
    "inner": {"deep_key": ["one", "two"], "AuditKeyValues": [{"Key": "target_name", "ValueString": "bob"}]},
    "text*": "a*b",
}


def _event(record: dict[str, Any]) -> Event:
    events = JsonLines().parse(1, json.dumps(record))
    assert events is not None
    return events[0]


def _rules(folder: Path, text: str) -> Rules:
    (folder / "rule.yml").write_text(text, encoding="utf-8")
    return Rules(read_rules(folder))


def _rule(selection: str, condition: str = "selection", more: str = "") -> str:
    return f"title: T\n{more}detection:\n  selection:\n    {selection}\n  condition: {condition}\n"


@pytest.mark.parametrize(
    ("selection", "met"),
    [
        ("user: ann", True),
        ("user: ANN", True),
        ("user|cased: ANN", False),
        ("user: a*", True),
        ("user: an?", True),
        ("user: an", False),
        ("user: [bob, ann]", True),
        ("user: null", False),
        ("note: null", True),
        ("missing: null", True),
        ("missing: ''", False),
        ("user|exists: true", True),
        ("missing|exists: false", True),
        (r"CommandLine|endswith: 'run.exe -enc AAAA'", True),
        (r"CommandLine|contains: '\tools\'", True),
        (r"CommandLine|contains|all: ['run.exe', ' -enc ']", True),
        (r"CommandLine|contains|all: ['run.exe', ' -dec ']", False),
        (r"CommandLine|startswith: 'c:\TOOLS'", True),
        (r"CommandLine|re: '-enc\s+A{4}$'", True),
        (r"CommandLine|re: 'TOOLS'", False),
        (r"CommandLine|re|i: 'TOOLS'", True),
        ("size|gte: 1500", True),
        ("size|gt: 1500", False),
        ("size|lt: 1e4", True),
        ("user|gt: 1", False),
        ("size: 1500", True),
        ("open: true", True),
        ("open: 'false'", False),
        ("address|cidr: 10.0.0.0/8", True),
        ("address|cidr: ['192.0.2.0/24', '2001:db8::/32']", False),
        ("deep_key: two", True),
        ("inner.deep_key: two", True),
        ("inner.DeepKey: three", False),
        ("target_name: bob", True),
        (r"text: 'nothing like it'", False),
        ("actor: ann", True),
        ("words: update", True),
        ("words: [thing updated]", False),
        ("words|all: [update, things]", True),
        ("words: 'update thing'", True),
        ("'|all': [ann, UPDATETHING]", True),
        ("'|all': [ann, absent]", False),
    ],
)
def test_selections(tmp_path: Path, selection: str, met: bool) -> None:
    assert any(_rules(tmp_path, _rule(selection)).met_by([_event(RECORD)])) is met


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("yes_a", True),
        ("yes_a and yes_b", True),
        ("yes_a and no_a", False),
        ("yes_a and not no_a", True),
        ("no_a or yes_a and yes_b", True),
        ("(no_a or yes_a) and no_b", False),
        ("not (no_a or no_b)", True),
        ("1 of no_*", False),
        ("1 of yes_*", True),
        ("all of yes_*", True),
        ("all of them", False),
        ("any of them", True),
        ("2 of them and not 3 of them", True),
        ("NOT no_a AND yes_a", True),
        ("[no_a, yes_a]", True),
    ],
)
def test_conditions(tmp_path: Path, condition: str, met: bool) -> None:
    text = (
        "title: T\ndetection:\n  yes_a: {user: ann}\n  yes_b: [{user: bob}, {size: 1500}]\n"
        "  no_a: [absent, 'also ?bsent']\n"
        f"  no_b: {{words: delete}}\n  _no_helper: {{user: bob}}\n  condition: {condition}\n"
    )
    assert any(_rules(tmp_path, text).met_by([_event(RECORD)])) is met


def test_a_rule_of_the_field_as_it_is_published_elsewhere(tmp_path: Path) -> None:
    text = """
title: Encoded PowerShell
id: 11111111-2222-4333-8444-555555555555
status: test
description: An encoded command.
references: [https://example.org]
author: somebody
date: 2026-01-02
tags: [attack.execution, attack.t1059.001, attack.T1027]
logsource: {category: process_creation, product: windows}
detection:
  selection_img:
    - Image|endswith: '\\powershell.exe'
    - OriginalFileName: 'PowerShell.EXE'
  selection_cli:
    CommandLine|contains: [' -enc ', ' -EncodedCommand ']
  filter_main:
    ParentImage|startswith: 'C:\\Program Files\\'
  condition: all of selection_* and not 1 of filter_*
falsepositives: [Management tools, Unknown]
level: high
"""
    rules = _rules(tmp_path, text)
    (rule,) = rules.rules
    assert (rule.severity, rule.technique) == ("high", ("T1059.001", "T1027"))
    assert rule.check == "Harmless if: Management tools."
    bad = {"Image": r"C:\Windows\powershell.exe", "CommandLine": "powershell -enc QQ=="}
    events = [_event(bad), _event(bad | {"ParentImage": r"C:\Program Files\x.exe"})]
    assert list(rules.met_by(events)) == [(events[0], [rule])]


def test_yaml_words_are_text_and_dates_too(tmp_path: Path) -> None:
    rules = _rules(tmp_path, _rule("state: off", more="date: 2026-01-01\n"))
    assert any(rules.met_by([_event({"user": "ann", "state": "off"})]))


def test_lists_with_names(tmp_path: Path) -> None:
    text = "placeholders:\n  ours: [ann, bob]\n---\n" + _rule("user|expand: '%ours%'")
    assert any(_rules(tmp_path, text).met_by([_event(RECORD)]))


def test_a_users_rule_replaces_or_switches_off_a_shipped_one(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(json.dumps({"eventSource": "s3", "eventName": "EnableRegion", "eventTime": "2026-01-01T00:00:00Z"}))
    assert [f.severity for f in analyse(log, "a.log").findings] == ["medium"]
    own = tmp_path / "own"
    own.mkdir()
    (own / "a.yml").write_text(_rule("words: enable", more="id: region-enabled\nlevel: low\ncheck: Ask.\n"))
    (finding,) = analyse(log, "a.log", rules=load(own)).findings
    assert (finding.severity, finding.title, finding.check) == ("low", "T", "Ask.")
    off = tmp_path / "off"
    off.mkdir()
    (off / "a.yml").write_text(_rule("words: enable", more="id: region-enabled\nstatus: deprecated\n"))
    assert [f.title for f in analyse(log, "a.log", rules=load(off)).findings] == []


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [("lower", [("low", "Attempted, without success: t")]), ("same", [("medium", "T")]), ("ignore", [])],
)
def test_what_an_attempt_counts(tmp_path: Path, attempts: str, expected: list[tuple[str, str]]) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    log = tmp_path / "a.log"
    log.write_text(json.dumps({"time": "2026-01-01T00:00:00Z", "user": "ann", "action": "jump", "outcome": "denied"}))
    found = analyse(log, "a.log", rules=_rules(rules, _rule("words: jump", more=f"attempts: {attempts}\n"))).findings
    assert [(finding.severity, finding.title) for finding in found] == expected


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("title: T\n", 1, "no `detection`"),
        ("\n\ndetection: {a: {b: c}, condition: a}\n", 3, "no `title`"),
        ("title: T\ndetection:\n  a: {b: c}\n", 2, "a `condition`"),
        (_rule("user: ann", "selection and other"), 5, "no selection 'other'"),
        (_rule("user: ann", "selection and"), 5, "missing at the end"),
        (_rule("user: ann", "(selection"), 5, "bracket is not closed"),
        (_rule("user: ann", "selection selection"), 5, "'selection' is not expected"),
        (_rule("user: ann", "1 of x*"), 5, "no selection is called 'x*'"),
        (_rule("user: ann", "3 of them"), 5, "cannot be"),
        (_rule("user: ann", "selection | count() by user > 5"), 5, "aggregations are not supported"),
        (_rule("user: ann", "selection\n  timeframe: 5m"), 6, "`timeframe` is not supported"),
        (_rule("user|base64offset: ann"), 3, "'base64offset' is not supported"),
        (_rule("words|contains: ann"), 3, "compares whole words"),
        (_rule("user|re: '('"), 3, "cannot be read"),
        (_rule("user|cidr: ann"), 3, "cannot be read"),
        (_rule("size|gt: ann"), 3, "cannot be read"),
        (_rule("user: {a: b}"), 3, "needs a value"),
        (_rule("user: []"), 3, "needs a value"),
        (_rule("user|expand: '%none%'"), 3, "%none% is not known"),
        (_rule("user: ann", more="level: grave\n"), 2, "'grave' is unknown"),
        (_rule("user: ann", more="attempts: maybe\n"), 2, "'maybe' is unknown"),
        ("title: T\ncorrelation: {type: event_count}\n", 2, "`correlation` is not supported"),
        ("title: T\ndetection:\n  a: [b, {c: d}]\n  condition: a\n", 3, "mixes fields and keywords"),
        ("title: T\ndetection:\n  a:\n  condition: a\n", 3, "is empty"),
        ("title: T\n  bad: [\n", 2, "no valid YAML"),
        ("- title\n", 1, "a rule is a mapping"),
        ("placeholders: [a]\n", 1, "names lists"),
    ],
)
def test_a_bad_rule_is_named_with_file_and_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    with pytest.raises(UsageError) as error:
        _rules(tmp_path, text)
    assert what in str(error.value)
    assert f"rule.yml, line {line}: " in str(error.value)


def test_files_that_are_no_text_and_folders_without_rules(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No rules"):
        read_rules(tmp_path)
    (tmp_path / "a.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"a\.yml"):
        read_rules(tmp_path)


def test_the_shipped_rules_say_what_an_auditor_needs() -> None:
    rules = read_rules(SHIPPED)
    assert len({rule.id for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.why.endswith("."), rule.id
        assert rule.check.endswith("."), rule.id
        assert rule.technique or rule.severity in ("low", "medium"), rule.id


@pytest.mark.parametrize("escaped", [False, True])
def test_a_key_is_found_however_the_record_spells_it(tmp_path: Path, escaped: bool) -> None:
    rules = _rules(tmp_path, _rule("grantee_name: PUBLIC"))
    for key in ("GRANTEE_NAME", "granteeName", "grantee name", "@grantee-name"):
        text = json.dumps({"time": "2026-01-01T00:00:00Z", "outer": {key: "public"}})
        if escaped:
            text = text.replace("g", "\\u0067").replace("G", "\\u0047")
        (event,) = JsonLines().parse(1, text) or ()
        assert any(rules.met_by([event])), key


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=12), _JSON, max_size=6))
def test_any_record_is_looked_through(record: dict[str, Any]) -> None:
    assert all(isinstance(value, str) for values in fields_of(record).values() for value in values)
    list(load().met_by(JsonLines().parse(1, json.dumps(record)) or ()))


@given(st.dictionaries(st.text(max_size=12), _JSON, max_size=6), st.sets(st.text(max_size=6)))
def test_fields_that_nobody_asks_for_change_nothing(record: dict[str, Any], others: set[str]) -> None:
    every = fields_of(record)
    wanted = frozenset([*list(every)[::2], *others])
    some = fields_of(record, wanted)
    assert {name: some[name] for name in wanted if name in some} == {
        name: every[name] for name in wanted if name in every
    }


@given(st.lists(st.sampled_from(["", "vssadmin", "a mimikatz", "VSSADMIN DELETE shadows", "x\0y", "mimi", "katz é"])))
def test_what_stands_in_many_texts_is_what_stands_in_each(texts: list[str]) -> None:
    events = [event_of(text, line) for line, text in enumerate(texts, start=1)]
    alone = [found for event in events for found in load().met_by([event])]
    assert list(load().met_by(events)) == alone


def test_who_did_it_decides_for_each_actor(tmp_path: Path) -> None:
    rules = _rules(tmp_path, _rule("actor: [ann, bob]"))
    events = [replace(_event(RECORD), actor=actor) for actor in ("ann", "cid", "bob", None, "cid", "ann")]
    assert [event.actor for event, _ in rules.met_by(events)] == ["ann", "bob", "ann"]


def test_a_deep_record_is_bounded() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"a": deep, "b": 1}
    assert sum(map(len, fields_of(deep).values())) < 100
