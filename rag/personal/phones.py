"""The one door to phonenumbers: telephone numbers in text.

A number with its country's code is found anywhere. One without is looked for as the given countries write theirs: with
"telephone", "fax" or the like before it, or set in just the groups that the country uses. A run of digits that could be
anything is none.
"""

import re
from collections.abc import Iterator, Sequence

REGIONS = ("US", "GB")  # of numbers without a country's code; documents are in English
NEAR = 40  # characters before a number in which a word has to say that it is one

_LIKELY = re.compile(r"(?:\+|\(?\d)[\d()\s./-]{5,40}\d")
_WORD = re.compile(
    r"\b(?:tele)?(?:phone|fax)|\btel\b|\b(?:mobile|cell|hotline|helpline|ring|call|dial|text|sms)\b", re.I
)
# How people group digits: one sign between two groups, or a code in brackets. Columns of numbers have more blanks.
_GROUPED = re.compile(r"(?:\(\d+\)[ .-]{0,2})?\d+(?:[ ./-]\d+)*")
_ENCLOSED = re.compile(r"\((\+?\d[\d ./-]{6,30}\d)\)")
_WITHIN = re.compile(r"[\d.:,/-]$")  # what stands right before belongs to the same number: a time, a sum, a date


def known_region(name: str) -> bool:
    """Whether `name` is the ISO 3166 code of a country that has telephone numbers."""
    import phonenumbers  # late: 0.05 s

    return name in phonenumbers.SUPPORTED_REGIONS


def phones(text: str, regions: Sequence[str] = REGIONS) -> Iterator[tuple[int, int]]:
    """`(start, end)` of every telephone number; the same place may come more than once."""
    if not _LIKELY.search(text):
        return
    # The matcher takes a bracket before a number for part of it, and leaves the number then. As long as before.
    text = _ENCLOSED.sub(r" \1 ", text)
    import phonenumbers  # late: 0.05 s

    for region in regions:
        for match in phonenumbers.PhoneNumberMatcher(text, region, phonenumbers.Leniency.VALID):
            written = match.raw_string
            if written.startswith("+") or _WORD.search(text, max(match.start - NEAR, 0), match.start):
                yield match.start, match.end
                continue
            grouped = _GROUPED.fullmatch(written) and not written.isdigit()
            if grouped and not _WITHIN.search(text[: match.start][-1:]):
                exact = phonenumbers.Leniency.EXACT_GROUPING
                if any(phonenumbers.PhoneNumberMatcher(written, region, exact)):
                    yield match.start, match.end
