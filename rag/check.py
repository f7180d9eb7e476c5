"""Is a written sentence true to its quotations? Decided by comparing, never by asking a model.

A sentence passes when everything in it that could be wrong stands in the quotations it rests on: figures with their
units, dates, names and codes, modals, negation, and most of its words. Passing does not make a sentence a good answer;
failing makes it unfit to be shown.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ingest.sentences import sentences
from rag.stems import stems

WORDS = 5  # a shorter sentence ("1.", "The answer is: 6.3.3.") is a fragment
COVERED = 0.75  # share of a sentence's own content words (those not in the question) that its quotations must hold
GROUNDED = 0.6  # share of all its content words that they must hold: the question alone carries no sentence
# Share of a clause's words that must stand by its figure. Of 700 true sentences 0, .25, .4 and .6 keep .889, .879, .857
# and .834; of 166 whose figure is of something else they catch .49, .57, .61 and .69.
BELONGS = 0.35
SHARED = 2  # content words a quotation must share with a sentence before it can be cited for it

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_WORDS = {word: value for value, word in enumerate(_UNITS)} | _TENS
NUMBER_WORDS = frozenset({*_WORDS, *_SCALES})
_SCALE = "|".join(_SCALES)
_KIND = r"(?:(?P<kind>calendar|consecutive|business|working)\s+)?"
_MEASURE = (
    r"second|minute|hour|day|week|month|quarter|year|per ?cent|%|euro|dollar|pound|pence|€|\$|£|[kmgt]b|bit|character|"
    r"mile|kilometre|metre|meter"
)
# "one" is a pronoun as often as a number: it counts where a unit or a scale follows.
_ONE = rf"one(?=[\s-]+(?:{_SCALE}|(?:\(1\)\s*)?(?:(?:calendar|consecutive|business|working)\s+)?(?:{_MEASURE})))"
_NUMBER_WORD = "|".join(word for word in _WORDS if word != "one")
_NUMBER = re.compile(
    rf"(?:\d+(?:[.,]\d+)*|\b(?:(?:{'|'.join(_TENS)})-(?:{'|'.join(_UNITS[1:10])})|{_NUMBER_WORD}|{_ONE})\b)"
    rf"(?:[\s-](?:{_SCALE})\b)*|\b(?:{_SCALE})\b",
    re.I,
)
# Matched right behind a figure, or behind its repetition in digits: "two (2) working days".
_UNIT = re.compile(rf"[\s)-]*(?:\(\d+\)\s*)?{_KIND}(?P<unit>{_MEASURE})", re.I)
_CURRENCY = re.compile(r"[€$£]\s?$")  # matched right before a figure
_SAME_UNIT = {"%": "percent", "per cent": "percent", "€": "euro", "$": "dollar", "£": "pound", "meter": "metre"}
# Words right before a figure that say which way it limits.
_AT_MOST = (
    "at most|(?:no|not) (?:more|longer|later|greater) than|not exceed(?:ing)?|maximum(?: of)?|up to|less than|"
    "fewer than|below|under|within|before|by"
)
_AT_LEAST = (
    "at least|(?:no|not) (?:less|fewer|earlier|shorter) than|minimum(?: of)?|more than|above|over|exceed(?:s|ing)?|"
    "longer than|after|beyond"
)
_LIMIT = re.compile(rf"\b(?:(?P<most>{_AT_MOST})|(?P<least>{_AT_LEAST}))\s+(?:an?\s+|the\s+)?[€$£]?\s?$", re.I)
# The number of a clause, "10.1 Each quarter …", is a place and no figure of what the clause says.
_LABEL = re.compile(r"(?<!\S)\d+(?:\.\d+)+\.?(?=\s+[A-Z(])")
_NAME = re.compile(r"[A-Z][\w&.'’-]*|\b\w*[A-Z]{2,}\w*\b|\b[A-Za-z]+[-_]?\d[\w.()-]*")
_RUN = re.compile(r"\b[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)+")  # "Senior Agency Official"
_MODALS = ("must", "shall", "should", "may", "might", "can", "will", "recommended", "required")
_STRONG = frozenset({"must", "shall", "required", "will"})  # an obligation, however it is worded
_WEAK = frozenset({"should", "recommended"})
_FREE = frozenset({"may", "might", "can"})
# Bounds and turns of phrase that deny nothing; which way a bound points is a check of its own.
_BOUND = re.compile(
    r"\b(?:not|no) (?:later|earlier|more|less|fewer|longer|shorter) than\b|\bwithout (?:undue )?delay\b", re.I
)
_NEGATION = re.compile(
    r"\b(?:not|never|no|none(?= of)|neither|nor|without|cannot|prohibited|forbidden|except)\b|n['’]t\b", re.I
)
# "(in millions, except per share data)" above a table holds for its figures.
_TABLE_SCALE = re.compile(r"\([^()\d]{0,30}\b(thousand|million|billion)s?\b|\bin\s(thousand|million|billion)s\b", re.I)
_EXCEPTION = re.compile(r"\b(?:except|unless|other than|save for)\b", re.I)
_ABSOLUTE = re.compile(r"\b(?:only|solely|exclusively|always|alone)\b", re.I)
_PAST = re.compile(r"\b(?:was|were|had|did)\b", re.I)
_LEAD = re.compile(r"^(?:yes|no),\s", re.I)  # the answer to a question; what it says comes after
_CLAUSE = re.compile(r"[;:]\s|,\s(?=(?:but|unless|except)\b)")
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|has|have|had|must|shall|should|may|might|can|cannot|will|would|does|do|did)\b", re.I
)
_AND = re.compile(r"[;:]\s|,\s(?:and|but|or)\s|,\s(?=(?:unless|except)\b)")
_ADVERBS = {
    "hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter",
    "yearly": "year", "annual": "year", "annually": "year",
}  # fmt: skip
_PERIOD = re.compile(rf"\b(?:(?:minute|hour|day|week|month|quarter|year)s?|{'|'.join(_ADVERBS)})\b", re.I)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in a text. Working days are a unit of their own; calendar days are days."""

    value: float
    unit: str  # "day", "working day", "percent", "euro"; "" for none
    limit: str  # "at most", "at least"; "" where the text does not say which way it limits
    start: int  # half-open code points, a currency sign before it and a unit behind it included
    end: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check found. `citations` are indices of the quotations that the sentence rests on."""

    citations: tuple[int, ...]
    failures: tuple[str, ...]  # in words; empty: the sentence may be shown

    @property
    def passed(self) -> bool:
        """Whether the sentence may be shown."""
        return not self.failures


def check(sentence: str, quotes: Sequence[str], question: str = "", headings: Sequence[str] = ()) -> Verdict:
    """Find the quotations that `sentence` rests on, and compare it with them.

    Args:
        question: an answer may repeat what was asked, so its words need to be covered less; its figures and names do.
        headings: what each quotation stands under, document and section; a sentence may use its words. () for none.
    """
    if len(sentence.split()) < WORDS:
        return Verdict((), ("is a fragment",))
    headings = headings or [""] * len(quotes)
    sources = [f"{heading}\n{quote}" for heading, quote in zip(headings, quotes, strict=True)]
    cited = _cite(sentence, sources, headings)
    if not cited:
        return Verdict((), ("rests on no quotation",))
    source = "\n".join(sources[index] for index in cited)
    failures = [
        *_figures(sentence, source),
        *_belonging(sentence, source, [quotes[index] for index in cited], headings[cited[0]]),
        *_directions(sentence, source),
        *_names(sentence, source),
        *_periods(sentence, source),
        *_absolutes(sentence, source),
        *_obligation(sentence, source),
        *_negation(sentence, source),
        *_subject(sentence, source, question),
        *_coverage(sentence, source, question),
    ]
    return Verdict(cited, tuple(failures))


def _cite(sentence: str, sources: Sequence[str], headings: Sequence[str]) -> tuple[int, ...]:
    """The quotation that holds most of the sentence's words, and a second one of its section if it adds several more.

    What stands in two documents, or in two sections, is two statements: a sentence made of both is nobody's.
    """
    wanted = set(stems(sentence))
    held = [wanted & set(stems(source)) for source in sources]
    best = max(range(len(sources)), key=lambda index: len(held[index]), default=None)
    if best is None or len(held[best]) < min(SHARED, len(wanted)) or not wanted:
        return ()
    # A figure or a unit alone joins no quotation to another: "tapes are kept" and "30 minutes" are two things.
    rest = [
        (len(words - held[best] - _measures(words)), index)
        for index, words in enumerate(held)
        if index != best and headings[index] == headings[best]
    ]
    more, other = max(rest, default=(0, best))
    return (best,) if more < SHARED else tuple(sorted((best, other)))


def _measures(words: set[str]) -> set[str]:
    """Those among stems that are figures or units."""
    return {word for word in words if word[0].isdigit() or word in (_WORDS | _SCALES) or _UNIT.match(word)}


def numbers(text: str) -> set[tuple[float, str]]:
    """Figures of a text as (value, unit): "seventy-two (72) hours" and "72 hours" are both (72.0, "hour").

    Working days are a unit of their own; calendar days are days.
    """
    return {(figure.value, figure.unit) for figure in figures(text)}


def figures(text: str) -> Iterator[Figure]:
    """The figures of a text, in order, each with its unit and which way it limits."""
    for match in _NUMBER.finditer(text):
        unit, start, end = _unit(text, match)
        limit = _LIMIT.search(text, 0, match.start())
        way = "" if limit is None else "at most" if limit["most"] else "at least"
        end += bool(unit) and text[end : end + 1] == "s"
        yield Figure(_value(match.group()), unit, way, start, end)


def _unit(text: str, figure: re.Match[str]) -> tuple[str, int, int]:
    """The unit of a figure, "" for none, and the span of both."""
    if match := _UNIT.match(text, figure.end()):
        unit, working = match["unit"].lower(), (match["kind"] or "").lower() in ("business", "working")
        return ("working " if working else "") + _SAME_UNIT.get(unit, unit), figure.start(), match.end()
    if match := _CURRENCY.search(text, 0, figure.start()):
        return _SAME_UNIT[match.group().strip()], match.start(), figure.end()
    return "", figure.start(), figure.end()


def _value(written: str) -> float:
    total = 0.0
    for part in re.findall(r"\d[\d.,]*|[a-z]+", written.lower()):
        if part in _SCALES:
            total = (total or 1) * _SCALES[part]
        else:
            total += _digits(part) if part[0].isdigit() else _WORDS[part]
    return total


def _digits(written: str) -> float:
    plain = re.sub(r",(?=\d{3}\b)", "", written).replace(",", ".")
    head, *rest = plain.split(".")
    # "3.2.1" is a clause, not a number; its parts as one value keep it apart from "3.2".
    return float(f"{head}.{''.join(rest)}") if rest else float(head)


def _limits(text: str) -> dict[float, set[str]]:
    """Which way the figures of a text limit, for those whose text says it: "within 3" and "at least 3"."""
    found: dict[float, set[str]] = {}
    for figure in figures(text):
        if figure.limit:
            found.setdefault(figure.value, set()).add(figure.limit)
    return found


def _directions(sentence: str, source: str) -> list[str]:
    """A minimum must not become a maximum, nor "within" become "after"."""
    held = _limits(source)
    return [
        f"the quotation does not say {way} {value:g}"
        for value, ways in _limits(sentence).items()
        for way in sorted(ways - held.get(value, ways))
    ]


def _figures(sentence: str, source: str) -> list[str]:
    held = numbers(_LABEL.sub(" ", source))
    for scale in {(one or other).lower() for one, other in _TABLE_SCALE.findall(source)}:
        held |= {(value * _SCALES[scale], unit) for value, unit in held}
    if currency := {_SAME_UNIT[sign] for sign in re.findall(r"[€$£]", source)}:
        held |= {(value, unit) for value, none in held if not none for unit in currency}  # said once for a table
    values = {value for value, _ in held}
    return [
        f"the figure {value:g} {unit}".rstrip() + " is not in the quotation"
        for value, unit in sorted(numbers(_LABEL.sub(" ", sentence)))
        if (value, unit) not in held and (unit or value not in values)
    ]


def _belonging(sentence: str, source: str, quotes: Sequence[str], heading: str) -> list[str]:
    """A figure has to stand by what it is said of: "within 30 minutes" of a report must not be said of a repair.

    What each clause says has to share words with the sentence that its figure is taken from, or with those beside it:
    a table's row has its label there, an enumeration its beginning.
    """
    lines = [(set(stems(line)), numbers(line)) for quote in quotes for line in _sentences(_LABEL.sub(" ", quote))]
    scales = {(one or other).lower() for one, other in _TABLE_SCALE.findall(source)}
    above = set(stems(heading))
    failures = []
    for clause in _AND.split(_LABEL.sub(" ", sentence)):
        words = set(stems(clause))
        words -= _measures(words)
        for value, unit in sorted(numbers(clause)):
            same = {value, *(value / _SCALES[scale] for scale in scales)}
            shares = [
                len(words & set().union(above, *(near for near, _ in lines[max(place - 1, 0) : place + 2])))
                / len(words)
                for place, (_, held) in enumerate(lines)
                if words and any(other in same for other, _ in held)
            ]
            if shares and max(shares) < BELONGS:
                failures.append(f"the quotation says {value:g} {unit}".rstrip() + " of something else")
    return failures


def _names(sentence: str, source: str) -> list[str]:
    held = {word.lower() for word in re.findall(r"\w+", source)}
    failures = []
    for match in _NAME.finditer(sentence):
        first_word = match.start() == 0 and not re.search(r"[A-Z].*[A-Z]|\d", match.group())
        parts = re.findall(r"\w+", re.sub(r"['’]s?$", "", match.group()))
        if not first_word and not all(part.lower() in held or part.lower().rstrip("s") in held for part in parts):
            failures.append(f"the name {match.group()!r} is not in the quotation")
    flat = " ".join(source.split())
    cut = [
        run for run in _RUN.findall(sentence) if run in flat and not re.search(rf"{re.escape(run)}(?! [A-Z]|\w)", flat)
    ]
    return failures + [f"the name {run!r} is longer in the quotation" for run in cut]


def _strength(text: str) -> set[str]:
    words = set(re.findall(r"[a-z]+", text.lower())) & set(_MODALS)
    return {strength for strength, members in (("must", _STRONG), ("should", _WEAK), ("may", _FREE)) if words & members}


def _obligation(sentence: str, source: str) -> list[str]:
    """A duty must not become a permission or a recommendation, nor the reverse. "is reported" claims no modal.

    Policies state duties without one, too: "laptops are encrypted" may be told as "laptops must be encrypted", what a
    report says of the past may not.
    """
    wrong: set[str] = set()
    for part in _sentences(sentence):
        # The clause it is taken from decides; one without a modal has it from the clause that leads to it.
        clause = _nearest_clause(part, source)
        held = _strength(clause) or _strength(source)
        if not held and not _PAST.search(clause):
            held = {"must"}
        # A plain "can" or "will" in everyday English claims less than "must": let it pass where the source has no
        # modal.
        if held or re.search(r"\b(?:must|shall|required|should|may)\b", part, re.I):
            wrong |= _strength(part) - held
    return [f"the quotation does not say {word!r}" for word in sorted(wrong)]


def _periods(sentence: str, source: str) -> list[str]:
    """ "Every month" must not become "every week", whether a figure stands before it or not."""
    wrong = _units_named(sentence) - _units_named(source)
    return [f"the quotation does not say {unit!r}" for unit in sorted(wrong)]


def _absolutes(sentence: str, source: str) -> list[str]:
    """ "The Head may open it" must not become "only the Head may"."""
    if _ABSOLUTE.search(sentence) and not _ABSOLUTE.search(source):
        return [f"the quotation does not say {match[0].lower()!r}" for match in _ABSOLUTE.finditer(sentence)][:1]
    return []


def _units_named(text: str) -> set[str]:
    return {_ADVERBS.get(word, word.rstrip("s")) for word in map(str.lower, _PERIOD.findall(text))}


def _negation(sentence: str, source: str) -> list[str]:
    """What is denied must be denied there, and what is not must not be."""
    failures: dict[str, None] = {}
    source = _BOUND.sub("", source)
    for part in map(partial(_BOUND.sub, ""), _sentences(_LEAD.sub("", sentence))):
        clause = _nearest_clause(part, source)
        said, held = _denied(part), _denied(clause)
        plain, others = set(stems(part)) - said, set(stems(clause)) - held
        if _NEGATION.search(part) and (not _NEGATION.search(source) or said & others - held):
            failures["it denies what the quotation does not deny"] = None
        # The other way round: the clause it is taken from denies, and the sentence dropped that.
        if held & plain - said or (_EXCEPTION.search(clause) and not _EXCEPTION.search(part)):
            failures["it leaves out the quotation's negation"] = None
    return list(failures)


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def _denied(text: str) -> set[str]:
    """Stems of the words that a negation is about: the first content word behind each."""
    return {found[0] for match in _NEGATION.finditer(text) if (found := stems(text[match.end() :])[:1])}


def _nearest_clause(sentence: str, source: str) -> str:
    wanted = set(stems(sentence))
    clauses = [clause for whole in _sentences(source) for clause in _CLAUSE.split(" ".join(whole.split()))]
    return max(clauses, key=lambda clause: len(wanted & set(stems(clause))), default="")


def _subject(sentence: str, source: str, question: str) -> list[str]:
    """What is kept for two years must be what the quotation says it of, not what the question asks about.

    Looked at are the words before the verb: after it, a question's word may well be another one for the quotation's.
    """
    verb = _AUXILIARY.search(sentence)
    if verb is None:
        return []
    held, asked = set(stems(source)), set(stems(question))
    lent = [word for word in stems(sentence[: verb.start()]) if word in asked and word not in held]
    return [f"the quotation says it of something else than {lent[0]!r}"] if lent else []


def _coverage(sentence: str, source: str, question: str) -> list[str]:
    """Most words have to stand in the quotation, above all those that the question did not bring."""
    held, asked = set(stems(source)), set(stems(question))
    # Figures are compared one by one; here they would only make up for words that are not there.
    words = [word for word in stems(sentence) if not word.isdigit()]
    own = [word for word in words if word not in asked]
    if not own and not numbers(sentence) - numbers(question):
        return ["says nothing that the question did not say"]
    return [
        f"only {share:.0%} of its words are in the quotation"
        for share, least in ((_share(own, held), COVERED), (_share(words, held), GROUNDED))
        if share < least
    ][:1]


def _share(words: Sequence[str], held: set[str]) -> float:
    return sum(word in held for word in words) / len(words) if words else 1.0
