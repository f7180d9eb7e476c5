"""Sentences of programs: as one pattern they mean what they mean one after the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.logs.syslog import PROGRAMS, Sayings

_WORDS = st.sampled_from(
    "Accepted password for bob from 192.0.2.1 port 22 Failed invalid user Invalid User root not allowed error: maximum "
    "authentication attempts exceeded Disconnected Connection closed by reverse mapping checking [192.0.2.9] failed : "
    "; USER=root COMMAND=/bin/ls TTY=pts/0 Successful su FAILED session opened authentication failure; rhost=h "
    "user=ann (root) CMD (ls) new user: name=eve, delete 'eve' add to group changed \n".split(" ")
)


@pytest.mark.parametrize("program", sorted(PROGRAMS))
@given(words=st.lists(_WORDS, max_size=12))
def test_one_pattern_means_what_the_first_sentence_does(program: str, words: list[str]) -> None:
    message = " ".join(words)
    meaning = Sayings(PROGRAMS[program]).meaning(message)
    first = next(((one, match) for one in PROGRAMS[program] if (match := one.pattern.match(message))), None)
    if first is None:
        assert meaning is None
        return
    saying, match = first
    assert meaning is not None
    assert meaning[:2] == (saying.action, saying.outcome)
    assert meaning[2:] == tuple(match.groupdict().get(name) for name in ("actor", "object", "source"))
