"""Masking and grouping of messages."""

import pytest

from ingest.logs.templates import Templates

from .conftest import event_of


def _patterns(*messages: str) -> dict[str, int]:
    templates = Templates()
    templates.add([event_of(message, line) for line, message in enumerate(messages, start=1)])
    return {template.pattern: template.count for template in templates.result()}


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("from 10.0.0.1:22 port 5", "from <*> port <*>"),
        ("user ann@example.com left", "user <*> left"),
        ("id 0e37df36-f698-11e6-8dd4-cb9ced3df976 done", "id <*> done"),
        ("at 0x7fff12 code deadbeef00", "at <*> code <*>"),
        ("open /etc/ssh/sshd_config now", "open <*> now"),
        ("took 12ms of 3.5 s", "took <*>ms of <*> s"),
        ("host db.prod.example.com:5432 down", "host <*> down"),
        ("SOCKS5 and IPv6 stay", "SOCKS5 and IPv6 stay"),
        ("on 2026-03-02 at 10:00:00", "on <*> at <*>"),
    ],
)
def test_masking(message: str, masked: str) -> None:
    assert Templates().mask(message) == masked


def test_variables_are_found_and_wordings_kept_apart() -> None:
    messages = [f"session of {name} closed after 5 s" for name in "ann bob cid dan eve fay gus hal ida".split()]
    assert _patterns(*messages) == {"session of <*> closed after <*> s": 9}
    assert _patterns("machine 7 was paused now", "machine 8 was resumed now") == {
        "machine <*> was paused now": 1,
        "machine <*> was resumed now": 1,
    }
    assert _patterns("log out of user ann today", "log out of user bob today") == {"log out of user <*> today": 2}


def test_order_is_stable() -> None:
    assert list(_patterns("b x", "a y", "c z", "c z")) == ["c z", "a y", "b x"]


def test_lines_are_ascending_and_each_there_once() -> None:
    templates = Templates()
    templates.add([event_of("Get ok", line, templated=True) for line in (1, 1, 2, 5)])
    assert [(t.count, list(t.lines)) for t in templates.result()] == [(4, [1, 2, 5])]


def test_many_variants_become_one_template() -> None:
    words = [chr(97 + n // 26) + chr(97 + n % 26) for n in range(200)]
    assert _patterns(*(f"the colour of the day is {word}" for word in words)) == {"the colour of the day is <*>": 200}
