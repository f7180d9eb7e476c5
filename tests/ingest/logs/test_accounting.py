"""The laws: every line is counted once, and templates add up to events, whatever the text is."""

import gzip
import json
import tempfile
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingest.errors import ReadError
from ingest.logs.facts import LogFacts, analyse

_LINES = st.sampled_from(
    [
        "",
        "   ",
        '{"eventSource": "iam", "eventName": "CreateUser", "eventTime": "2026-01-01T00:00:00Z"}',
        '{"time": "2026-01-01T00:00:00Z", "user": "ann", "action": "open"}',
        '{"Records": [{"eventSource": "s3", "eventName": "A"}, {"eventSource": "s3", "eventName": "B"}]}',
        '{"Records": []}',
        '{"cut": ',
        "[",
        "]",
        "[1, 2]",
        "null",
        "Mar  2 10:00:00 web sshd[1]: Failed password for bob from 192.0.2.1 port 22 ssh2",
        "<34>1 2026-01-01T00:00:00Z web app 1 ID - hello",
        '192.0.2.1 - ann [02/Mar/2026:10:00:00 +0000] "GET /a/b HTTP/1.1" 200 5',
        "2026-01-01 00:00:00,123 INFO [main] a.b.C: started 5 workers",
        "\tat a.b.C.run(C.java:5)",
        "Caused by: java.io.IOException: gone",
        "timestamp,user,action,object,outcome",
        "2026-01-01T00:00:00Z,ann,open,door,success",
        '2026-01-01T00:00:00Z,ann,"say ""hi""\nagain",door,success',
        '2026-01-01T00:00:00Z,ann,"never closed',
        "nothing that anybody knows",
        "\ufffd\x1b[31mred\x1b[0m",
    ]
)


def _adds_up(content: bytes, facts: LogFacts) -> None:
    content = content.removeprefix(b"\xef\xbb\xbf")  # a byte order mark is no line
    lines = content.count(b"\n") + (bool(content) and not content.endswith(b"\n"))
    assert facts.lines == lines
    assert facts.event_lines + facts.blank_lines + facts.unparsed_lines == facts.lines
    assert sum(template.count for template in facts.templates) == facts.events
    assert all(1 <= line <= lines for template in facts.templates for line in template.lines)
    assert all(list(template.lines) == sorted(set(template.lines)) for template in facts.templates)
    json.dumps(facts.to_json(all_lines=True))


def _check(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, stored in (("a.log", content), ("a.log.gz", gzip.compress(content))):
            path = Path(folder) / name
            path.write_bytes(stored)
            try:
                facts = analyse(path, name)
            except ReadError as error:
                refused = error.detail
            else:
                refused = None
                _adds_up(content, facts)
            assert refused is None or "binary" in refused


@settings(max_examples=200, deadline=None)
@given(st.lists(_LINES, max_size=12), st.booleans())
def test_any_mixture_of_lines_adds_up(lines: list[str], ended: bool) -> None:
    _check(("\n".join(lines) + ("\n" if ended and lines else "")).encode())


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400))
def test_any_text_adds_up(text: str) -> None:
    _check(text.encode("utf-8", errors="surrogatepass"))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_add_up_or_are_refused(data: bytes) -> None:
    assume(not data.startswith((b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff", b"ElfFile")))  # gzip, UTF-16, evtx: other tests
    _check(data)
