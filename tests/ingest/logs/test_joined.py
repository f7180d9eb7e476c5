"""The laws of a batch: in whatever order its logs come, all is counted once and called by the same names."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.logs.facts import LogFacts, analyse
from ingest.logs.joined import BatchFacts, Joined
from ingest.logs.kept import from_kept, to_kept
from ingest.logs.templates import Shape, Templates

from .conftest import Analyse, cloudtrail, event_of, json_lines, syslog

_USERS = ("ann", "bob", "eve", "root", "backup", "oracle")
_LINE = st.one_of(
    st.builds(
        lambda user, port: syslog("sshd[9]", f"Failed password for {user} from 192.0.2.1 port {port} ssh2"),
        st.sampled_from(_USERS),
        st.integers(1024, 65535),
    ),
    st.builds(lambda user: syslog("cron[3]", f"session opened for user {user} by (uid=0)"), st.sampled_from(_USERS)),
    st.builds(lambda state: syslog("app[1]", f"machine 7 was {state} now"), st.sampled_from(["paused", "resumed"])),
    st.just(json_lines(cloudtrail("DeleteBucket"))),
    st.just("\n"),
    st.just("what nobody knows\n"),
)
_LOG = st.lists(_LINE, max_size=8).map("".join)


def _facts(content: str, name: str) -> LogFacts:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.log"
        path.write_text(content)
        return analyse(path, name)


def _join(logs: list[tuple[int, LogFacts]], known: tuple[Shape, ...] = ()) -> BatchFacts:
    joined = Joined(known)
    for number, facts in logs:
        joined.add(number, facts)
    return joined.result()


@settings(max_examples=60, deadline=None)
@given(st.lists(_LOG, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_all_is_counted_once_whatever_the_order(contents: list[str], order: random.Random) -> None:
    logs = [(number, _facts(content, f"{number}.log")) for number, content in enumerate(contents)]
    batch = _join(logs)
    assert sum(one.count for one in batch.templates) == batch.events == sum(facts.events for _, facts in logs)
    assert batch.event_lines + batch.blank_lines + batch.unparsed_lines == batch.lines
    for name, spots in batch.values.items():
        assert sum(spot.count for spot in spots.values()) == sum(facts.counts[name].total() for _, facts in logs)
    for number, facts in logs:  # every template of a file has a name in the batch, and none of its events is lost
        assert sum(shape.count for shape in facts.shapes) == facts.events
        assert {batch.name_of(shape) for shape in facts.shapes} <= {one.pattern for one in batch.templates}, number
    shuffled = logs.copy()
    order.shuffle(shuffled)
    again = _join(shuffled)
    assert again.templates == batch.templates
    assert again.values == batch.values
    assert [(number, one.title) for number, one in again.findings] == [(n, one.title) for n, one in batch.findings]


@settings(max_examples=40, deadline=None)
@given(_LOG)
def test_what_is_kept_comes_back(content: str) -> None:
    facts = _facts(content, "some.log")
    assert from_kept(to_kept(facts, every_line=True)) == facts


@settings(max_examples=40, deadline=None)
@given(_LOG)
def test_a_batch_of_one_log_has_the_templates_of_the_log(content: str) -> None:
    facts = _facts(content, "some.log")
    batch = _join([(0, facts)])
    assert [(one.pattern, one.count) for one in batch.templates] == [
        (one.pattern, one.count) for one in facts.templates
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_USERS), st.integers(0, 3)), max_size=60), st.integers(0, 60))
def test_templates_of_two_parts_are_those_of_the_whole(messages: list[tuple[str, int]], cut: int) -> None:
    texts = [f"job {number} of {user} done" for user, number in messages]
    whole, parts = Templates(), Templates()
    events = [event_of(text, line) for line, text in enumerate(texts, start=1)]
    whole.add(events)
    for some in (events[:cut], events[cut:]):
        part = Templates()
        part.add(some)
        for shape in part.shapes():
            parts.put(shape)
    assert parts.result() == whole.result()


def test_the_same_thing_has_the_same_name_in_all_files(facts_of: Analyse) -> None:
    one = facts_of(syslog("app", "session of user ann closed after 5 s"), "one.log")
    assert [template.pattern for template in one.templates] == ["session of user ann closed after <*> s"]
    other = facts_of(
        "".join(syslog("app", f"session of user {user} closed after 5 s") for user in "bob cid dan".split())
    )
    batch = _join([(0, one), (1, other)])
    assert {batch.name_of(shape) for facts in (one, other) for shape in facts.shapes} == {
        "session of user <*> closed after <*> s"
    }
    (template,) = batch.templates
    assert (template.count, template.files, template.place, len(template.id)) == (4, 2, (0, 1), 10)


def test_shapes_of_an_earlier_batch_are_known_and_count_nothing(facts_of: Analyse) -> None:
    earlier = _join([(0, facts_of(syslog("app", "disk 3 is full")))])
    batch = _join(
        [(0, facts_of(syslog("app", "disk 4 is full") + syslog("app", "fan stopped")))], tuple(earlier.shapes)
    )
    assert {(one.pattern, one.count, one.known) for one in batch.templates} == {
        ("disk <*> is full", 1, True),
        ("fan stopped", 1, False),
    }


def test_where_and_when_a_value_comes_first_and_last(facts_of: Analyse) -> None:
    late = facts_of(syslog("sshd[1]", "Failed password for eve from 192.0.2.1 port 1 ssh2", hour=20))
    early = facts_of(
        "\n" + syslog("sshd[1]", "Failed password for eve from 192.0.2.1 port 1 ssh2", hour=8), "early.log"
    )
    spot = _join([(0, late), (1, early)]).values["actors"]["eve"]
    assert (spot.count, spot.files.bit_count(), spot.place) == (2, 2, (0, 1))
    assert spot.first is not None
    assert spot.last is not None
    assert (spot.first.hour, spot.last.hour) == (8, 20)


def test_messages_of_a_batch_are_bounded(facts_of: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.logs.joined.SHAPES_MAX", 3)
    facts = facts_of("".join(syslog("app", f"{word} {word}x {word}y") for word in "a bb ccc dddd eeeee ffffff".split()))
    batch = _join([(0, facts)])
    assert sum(one.count for one in batch.templates) == batch.events == 6
    assert len(batch.templates) == 4
    assert batch.name_of(facts.shapes[-1]) in {one.pattern for one in batch.templates}
