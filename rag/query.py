"""What a question asks for, in words: its terms, without the words that every question has."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_TERMS = 64  # distinct terms of a query; a pasted page is searched by its first ones, and the user is told

# Words that carry no topic. Modals and negations are kept out of here: "may", "must", "not" matter to the check.
STOPWORDS = frozenset(
    """a about after all also am an and any are as at be been before being between both but by can could did do does
    doing done during each either every few for from further get gets give given gives got had has have having he her
    here him his how however i if in into is it its itself just kind like many me more most much my near need needs new
    no nor of off often on once one only onto or other our ours out over own per please same say says see shall she
    should so some somebody someone something soon still such take taken takes tell than that the their them then there
    these they thing things this those through to too under until up upon us use used very want was way we were what
    when where whether which while who whom whose why will with within without would yes yet you your""".split()
)

_TERM = re.compile(r"(?:§{1,2}\s*(?=\d))?[^\W_]+(?:[-.&/'’][^\W_]+)*(?:\([^\W_]{1,3}\))*", re.UNICODE)

# Names of rules, documents and forms. A number alone is none, nor is a quantity ("30-day", "2019-2020").
_SUBPARTS = r"(?:\([^\W_]{1,3}\))"
_IDENTIFIER = re.compile(
    rf"[^\W\d_]{{1,6}}[-.]?\d[^\W_]*(?:[-.][^\W_]+)*{_SUBPARTS}*"  # AU-6, AC-2(13), FY2022, CVE-2021-44228
    rf"|(?!(?:19|20)\d\d-)\d+(?:[-.]\d+)+[^\W\d_]?{_SUBPARTS}*"  # 800-53, 164.308(a)(1)
    rf"|\d+{_SUBPARTS}+"  # 12(1)(b)
    r"|\d+(?:-[^\W\d_]|[A-Z])"  # 10-K, 1A
    r"|§.*",
    re.UNICODE,
)
# What stands before a number and makes it a name: "ISO 27001", "Article 5".
_LABEL = re.compile(r"[A-Z]{2,}(?:[-/&][A-Z]{2,})*")
_LABELS = frozenset(
    """annex appendix article chapter clause control directive exhibit figure form item note paragraph part policy
    procedure regulation rule schedule section standard table""".split()
)


@dataclass(frozen=True, slots=True)
class Query:
    """A question and its terms, in order, lower case, each once."""

    text: str
    terms: tuple[str, ...]
    left_out: int  # terms beyond MAX_TERMS
    identifiers: tuple[str, ...] = ()  # names of rules and documents among them, whole: "au-6", "iso 27001"


def parse(text: str) -> Query:
    """The query in `text`. A question made of stop words alone keeps them: it is all there is to search by."""
    matches = list(_TERM.finditer(text))
    words = list(dict.fromkeys(_plain(match.group()) for match in matches))
    terms = [word for word in words if word not in STOPWORDS] or words
    return Query(text, tuple(terms[:MAX_TERMS]), max(0, len(terms) - MAX_TERMS), tuple(_identifiers(text, matches)))


def _identifiers(text: str, matches: Sequence[re.Match[str]]) -> list[str]:
    found: dict[str, None] = {}
    shouted = text.isupper()  # then capitals tell nothing
    for before, match in zip([None, *matches], matches, strict=False):
        word = match.group()
        if len(found) == MAX_TERMS:
            break
        if before is not None and word[0].isdigit() and text[before.end() : match.start()].isspace():
            label = before.group()
            if label.lower() in _LABELS or (_LABEL.fullmatch(label) and not shouted):
                found[_plain(f"{label} {word}")] = None
                continue
        if _IDENTIFIER.fullmatch(word):
            found[_plain(word)] = None
    return list(found)


def _plain(term: str) -> str:
    return " ".join(term.lower().split())


def any_of(terms: Iterable[str]) -> str:
    """An FTS5 expression that matches any term; "" for none. A term of several parts has to match as a phrase."""
    return " OR ".join(quoted(term) for term in terms)


def quoted(term: str) -> str:
    """`term` as an FTS5 string: nothing in it is an operator."""
    return '"' + term.replace('"', '""') + '"'
