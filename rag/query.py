"""What a question asks for, in words: its terms, without the words that every question has."""

import re
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

_TERM = re.compile(r"[^\W_]+(?:[-.&/'’][^\W_]+)*(?:\([^\W_]{1,3}\))*", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Query:
    """A question and its terms, in order, lower case, each once."""

    text: str
    terms: tuple[str, ...]
    left_out: int  # terms beyond MAX_TERMS

    @property
    def expression(self) -> str:
        """An FTS5 expression that matches any term. A term of several parts ("AU-6") has to match as a phrase."""
        return " OR ".join(quoted(term) for term in self.terms)


def parse(text: str) -> Query:
    """The query in `text`. A question made of stop words alone keeps them: it is all there is to search by."""
    words = list(dict.fromkeys(match.group().lower() for match in _TERM.finditer(text)))
    terms = [word for word in words if word not in STOPWORDS] or words
    return Query(text, tuple(terms[:MAX_TERMS]), max(0, len(terms) - MAX_TERMS))


def quoted(term: str) -> str:
    """`term` as an FTS5 string: nothing in it is an operator."""
    return '"' + term.replace('"', '""') + '"'
