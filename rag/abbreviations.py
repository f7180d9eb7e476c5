"""Abbreviations that a text explains itself: "plan of action and milestones (POA&M)", "POA&M: plan of …".

Pairs around parentheses are found as in Schwartz and Hearst, "A simple algorithm for identifying abbreviation
definitions in biomedical text", 2003. Lines of a glossary are taken only where each letter begins a word. Knows nothing
about stores or queries.
"""

import re
from collections.abc import Iterator, Sequence

LONGEST = 100  # code points of what an abbreviation stands for; more is a sentence, not a name

_SHORT = r"[^\W_][\w&/.-]{1,9}"
_IN_PARENTHESES = re.compile(r"\(([^()]{2,120})\)")
_BEFORE = 300  # code points in front of a parenthesis that may hold the long form
_SENTENCE_END = re.compile(r"[.;:!?()\[\]]\s")
_LINE = re.compile(
    rf"^[ \t>*•-]*\W?({_SHORT})[\"”’*]*"
    r"(?P<sign>\s*[:=–—]\s*|\s+-\s+|\s+(?:means|stands for|is short for|refers to|is the abbreviation (?:of|for))\s+"
    r"|[ \t]+)(?:the |an? )?(?P<long>\S.*)$",
    re.MULTILINE | re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:[-'’/][^\W_]+)*")
_SMALL = frozenset("a an and at by for from in of on or the to with".split())


def definitions(text: str) -> set[tuple[str, str]]:
    """`(short, long)` pairs that `text` explains: white space as single blanks, the short one without a plural's s."""
    found = {*_in_parentheses(" ".join(text.split())), *_in_lines(text)}
    return {(short, long) for short, long in found if len(long) <= LONGEST}


def _in_parentheses(text: str) -> Iterator[tuple[str, str]]:
    for match in _IN_PARENTHESES.finditer(text):
        inner = re.split(r"[,;:]\s|\bor\b", match[1])[0].strip(" \"“”'‘’")
        before = text[max(0, match.start() - _BEFORE) : match.start()].rstrip(" \"“”'‘’")
        if _is_short(inner):
            sentence = _SENTENCE_END.split(before)[-1]
            words = sentence.split()
            most = min(len(inner) + 5, 2 * len(inner))
            if long := long_form(inner, " ".join(words[-most:])):
                yield _singular(inner), long
        elif words := before.split():
            short = words[-1].strip("\"“”'‘’")
            if _is_short(short) and long_form(short, inner) == inner:
                yield _singular(short), inner


def _in_lines(text: str) -> Iterator[tuple[str, str]]:
    for match in _LINE.finditer(text):
        short, line = match[1].rstrip(".-/"), match["long"]
        if not _is_short(short):
            continue
        words = list(_WORD.finditer(line))[: 3 * len(short)]
        last = _initials(_letters(short), [word.group().lower() for word in words])
        if last is None:
            continue
        # Without a sign in between, the line has to be the name and nothing else.
        if match["sign"].strip() or not line[words[last].end() :].strip(" .;,"):
            yield _singular(short), " ".join(line[: words[last].end()].split())


def _is_short(text: str) -> bool:
    """Whether it looks like an abbreviation: two capitals, or one and a digit, in at most ten characters."""
    capitals, digits = sum(map(str.isupper, text)), sum(map(str.isdigit, text))
    return re.fullmatch(_SHORT, text) is not None and capitals >= 1 and capitals + bool(digits) >= 2


def _singular(short: str) -> str:
    return short[:-1] if len(short) > 2 and short[-1] == "s" and short[-2].isupper() else short


def _letters(short: str) -> str:
    """The letters and digits of an abbreviation, lower case, without the s of a plural."""
    return "".join(filter(str.isalnum, _singular(short))).lower()


def long_form(short: str, candidate: str) -> str | None:
    """The shortest end of `candidate` that spells `short`, or None: Schwartz and Hearst's `findBestLongForm`.

    From right to left every letter of `short` is looked for in `candidate`; the first one has to begin a word.
    """
    text = candidate.lower()
    place = len(text)
    letters = _letters(short)
    for index in range(len(letters) - 1, -1, -1):
        place -= 1
        while place >= 0 and (text[place] != letters[index] or (index == 0 and not _begins_word(text, place))):
            place -= 1
        if place < 0:
            return None
    long = candidate[place:].strip(" ,\"“”'‘’")
    spelled = len(long.split()) > 1 or "-" in long
    return long if spelled and len(long) > len(short) and short.lower() not in long.lower().split() else None


def _begins_word(text: str, place: int) -> bool:
    """Whether a word that is no small one begins there: "Office of Information Security" is not "of …"."""
    word = _WORD.match(text, place)
    return (place == 0 or not text[place - 1].isalnum()) and word is not None and word.group() not in _SMALL


def _initials(letters: str, words: Sequence[str]) -> int | None:
    """The index of the word that begins with the last letter, where each letter begins a word; small ones may not."""
    if not letters or not words or words[0][0] != letters[0]:
        return None
    reached = {0}  # indices of words that the letters so far may have ended with
    for letter in letters[1:]:
        following = set()
        for index in reached:
            for after in range(index + 1, len(words)):
                if words[after][0] == letter:
                    following.add(after)
                if words[after] not in _SMALL:
                    break
        reached = following
    return min(reached) if reached and len(letters) > 1 else None
