"""Questions whose answer would have to be worked out: "What is the ratio of …?" where no document states the ratio.

Quotations of the figures that go into it look like an answer and are none; a small model that is left to calculate is
wrong more often than right. So such a question is refused, and the refusal says why and shows the figures.
"""

import re
from collections.abc import Sequence

from rag.stems import stems

# Measures that are made of other figures. A document that states one names it, mostly by the same word.
_MEASURE = re.compile(
    r"\b(?:ratio|turnover|average|median|growth rate|compound annual growth|cagr|year[- ]over[- ]year|"
    r"year[- ]on[- ]year|percent(?:age)? change)\b",
    re.I,
)
# The answer is wanted as a share: then a document that states it has a sign for one.
_SHARE = re.compile(
    r"\bas an? (?:share|proportion) of\b|\bas an? (?:%|per ?cent(?:age)?)(?: of\b|(?!\w))|"
    r"\bin (?:units of )?(?:%|per ?cents?|percentages?)(?!\w)|(?:%|\bper ?cent(?:age)?) margin\b",
    re.I,
)
_PERCENT = re.compile(r"%|\bper ?cent", re.I)
# A question that says how: then it is not in the documents.
_FORMULA = re.compile(
    r"\b(?:is|are) defined as\b|\b(?:calculate|compute|work out)\b(?! or (?:extract|find|quote))|"
    r"\bdivided by\b",
    re.I,
)


def to_work_out(question: str, quotes: Sequence[str]) -> str | None:
    """What is asked for and has to be worked out, in the question's words; None where that is not so.

    Args:
        quotes: what would be quoted; where they name the measure, they may state it.
    """
    if match := _FORMULA.search(question):
        return match[0]
    if (match := _SHARE.search(question)) and not any(map(_PERCENT.search, quotes)):
        return match[0]
    held = {word for quote in quotes for word in stems(quote)}
    named = (match[0] for match in _MEASURE.finditer(question) if not set(stems(match[0])) <= held)
    return next(named, None)
