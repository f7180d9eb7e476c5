"""Facts of a log to a summary of one page: sentences made by code, which a language model may only reword.

Each sentence carries the values in it and the lines it rests on. What the model writes is kept only if it holds the
same values in the same order and no word that could say more than the fact does; otherwise the plain sentence stands.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.logs.clock import iso
from ingest.logs.facts import FIRST_LINES, LogFacts
from ingest.logs.findings import Finding
from ingest.logs.joined import BatchFacts
from rag.term import counted, one_line
from rag.types import Generator

FINDINGS_SAID = 8  # findings that get a sentence; the report lists them all
AT_ONCE = 3  # sentences in one prompt: a small model loses count of more
MAX_TOKENS = 200
VALUE_SHOWN = 120  # characters of a value in a report
COVERED = 0.8  # share of a fact's own words that a rewording must keep

SYSTEM = "Reword each numbered sentence in plain English. Keep every number, name and date. Add nothing."


@dataclass(frozen=True, slots=True)
class FactSentence:
    """What was counted, as a sentence. `values` are the numbers and names in it, in their order."""

    text: str
    values: tuple[str, ...]
    lines: tuple[int, ...] = ()  # 1-based; none where it speaks of the whole log
    path: str | None = None  # the file of the lines, where a summary speaks of several


@dataclass(frozen=True, slots=True)
class SummarySentence:
    """A sentence of the summary, and the fact behind it."""

    text: str
    fact: FactSentence
    written: bool  # by the model, and checked; False: the plain sentence


@dataclass(frozen=True, slots=True)
class LogSummary:
    """A summary of one log."""

    path: str
    sentences: tuple[SummarySentence, ...]
    dropped_sentences: int = 0  # written, and replaced by the plain one because the check failed
    sent_to: str = ""  # the host that worded it; "": nothing left this machine

    def to_json(self) -> dict[str, object]:
        """The contract's `summary` and `citations` of a log, and its sentences one by one."""
        text: list[str] = []
        citations: list[dict[str, object]] = []
        sentences: list[dict[str, object]] = []
        for sentence in self.sentences:
            fact, number = sentence.fact, None
            if fact.lines:
                number = len(citations) + 1
                citations.append(
                    {"number": number, "path": fact.path or self.path, "lines": list(fact.lines), "fact": fact.text}
                )
            text.append(f"{sentence.text} [{number}]" if number else sentence.text)
            sentences.append({"text": sentence.text, "citation": number, "written": sentence.written})
        return {
            "summary": " ".join(text),
            "sentences": sentences,
            "citations": citations,
            "dropped_sentences": self.dropped_sentences,
        } | ({"sent_to": self.sent_to} if self.sent_to else {})


def summarise(facts: LogFacts, generator: Generator | None) -> LogSummary:
    """Say what matters in a log. Without a generator all sentences are plain."""
    return word(facts.path, plain_sentences(facts), generator)


def plain_sentences(facts: LogFacts) -> list[FactSentence]:
    """The facts worth a sentence, the gravest findings before the figures."""
    return [*_about(facts), *_findings(facts), *_figures(facts)]


def word(path: str, facts: Sequence[FactSentence], generator: Generator | None) -> LogSummary:
    """Let the model reword the facts, a few at a time, and keep what passes the check."""
    if generator is None:
        return LogSummary(path, tuple(SummarySentence(fact.text, fact, False) for fact in facts))
    sentences: list[SummarySentence] = []
    dropped = 0
    for start in range(0, len(facts), AT_ONCE):
        few = facts[start : start + AT_ONCE]
        replies = _ask(few, generator)
        for number, fact in enumerate(few, start=1):
            reply = replies.get(number)
            if reply is None or reply == fact.text:
                sentences.append(SummarySentence(fact.text, fact, False))
            elif faithful(reply, fact):
                sentences.append(SummarySentence(reply, fact, True))
            else:
                dropped += 1
                sentences.append(SummarySentence(fact.text, fact, False))
    return LogSummary(path, tuple(sentences), dropped, generator.host if facts else "")


def faithful(written: str, fact: FactSentence) -> bool:
    """Whether a rewording says what the fact says: its values in their order, its words, and none that adds to them."""
    if not written.endswith(".") or len(written) > 2 * len(fact.text) + 40:
        return False
    rest = written
    for value in fact.values:
        found = re.search(rf"(?<![\w.,:@/-]){re.escape(value)}(?![\w@/-]|[.,:]\w)", rest)
        if found is None:
            return False
        rest = rest[found.end() :]
    if _NUMBER.findall(written) != _NUMBER.findall(fact.text):
        return False
    own, theirs = _words(fact.text), _words(written)
    if any(_stem(term) not in own and term not in _REPORTING for term in theirs.values()):
        return False
    if any(stem in own and stem not in theirs for stem in _KEPT):
        return False
    content = {stem for stem, term in own.items() if term not in _REPORTING}
    return not content or len(content & theirs.keys()) >= COVERED * len(content)


_NUMBER = re.compile(r"\d[\d.,:/T+-]*\d|\d")

_REPORTING = frozenset(
    "a an the this that these those there here it its is are was were be been being has have had do does did of in on "
    "at "
    "to from by with for and as which who where when while during between through until into over log logs file event "
    "events entry entries line lines record records recorded records show shows shown showed contain contains "
    "contained "
    "hold holds held include includes including consist consists total altogether overall report reports reported see "
    "seen observed found counted count counts came come comes appear appears appeared occur occurs occurred happen "
    "happens happened took place run runs ran span spans spanned cover covers covered period time date dates format "
    "written begin begins began start starts started end ends ended finding findings severity".split()
)
"""Words a rewording may add: they report, and say nothing of their own. No name and no number is among them."""

_KEPT = frozenset(
    "no not never none without fail denied refus succe unsuc attem critic high medium low most more only first".split()
)
"""Stems that turn a sentence around: where a fact has one, its rewording has it too."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def _words(text: str) -> dict[str, str]:
    """Stem: word, lower case, of all words in a text."""
    return {_stem(term): term for term in (match.lower() for match in _WORD.findall(text))}


def _stem(term: str) -> str:
    # A crude stem that errs on the side of refusing: "refused" and "refusals" meet, "deny" and "denied" do not.
    stem = re.sub(r"(?:ies|ing|ed|es|s)$", "", term)
    return stem[:5] if len(stem) > 5 else stem


def _ask(facts: Sequence[FactSentence], generator: Generator) -> dict[int, str]:
    numbered = "\n".join(f"{number}. {fact.text}" for number, fact in enumerate(facts, start=1))
    messages = ({"role": "system", "content": SYSTEM}, {"role": "user", "content": numbered})
    reply = "".join(generator.generate(messages, MAX_TOKENS))
    replies: dict[int, str] = {}
    for line in reply.splitlines():
        match = re.match(r"\s*(\d+)[.)]\s+(.*\S)", line)
        if match:
            replies.setdefault(int(match[1]), match[2])
    return replies


def accounting(facts: LogFacts | BatchFacts) -> Iterator[FactSentence]:
    """What was left out, the period, and what counts as unparsed, of a log or of a batch."""
    if facts.left_out:
        number = f"{facts.left_out:,}"
        was = "event lies" if facts.left_out == 1 else "events lie"
        yield FactSentence(f"{number} other {was} outside of what was asked for.", (number,))
    if facts.first and facts.last:
        first, last = iso(facts.first), iso(facts.last)
        yield FactSentence(f"The events run from {first} to {last}.", (first, last))
    if facts.unparsed_lines:
        number = f"{facts.unparsed_lines:,}"
        lines = tuple(facts.unparsed) if isinstance(facts, LogFacts) else ()  # a batch's are in many files
        count = "line counts" if facts.unparsed_lines == 1 else "lines count"
        yield FactSentence(f"{number} {count} as unparsed.", (number,), lines)


def _about(facts: LogFacts) -> Iterator[FactSentence]:
    name, form = one_line(facts.path), one_line(facts.format)
    values = (name, f"{facts.lines:,}", f"{facts.events:,}", form)
    yield FactSentence(
        f"{name} holds {counted(facts.lines, 'line')} with {counted(facts.events, 'event')} in the format {form}.",
        values,
    )
    yield from accounting(facts)


def _findings(facts: LogFacts) -> Iterator[FactSentence]:
    for finding in facts.findings[:FINDINGS_SAID]:
        yield finding_sentence(finding, counted(finding.count, "event"))
    more = len(facts.findings) - FINDINGS_SAID
    if more > 0:
        yield FactSentence(f"The report lists {more:,} more {'finding' if more == 1 else 'findings'}.", (f"{more:,}",))


def finding_sentence(finding: Finding, how_often: str, path: str | None = None) -> FactSentence:
    """A finding as a sentence. `how_often`: "3 events", with where they are if that is to be said."""
    text = f"{one_line(finding.title)} ({how_often})"
    values = (value.strip(",.;()") for value in re.findall(r"\S*\d\S*", text))
    severity = finding.severity.capitalize()
    return FactSentence(f"{severity} severity: {text}.", tuple(values), tuple(finding.lines[:FIRST_LINES]), path)


_FIGURES = (("actors", "most active actor"), ("actions", "most frequent action"), ("sources", "most frequent source"))


def _figures(facts: LogFacts) -> Iterator[FactSentence]:
    for name, words in _FIGURES:
        if not facts.counts[name]:
            continue
        value, count = min(facts.counts[name].items(), key=lambda pair: (-pair[1], pair[0]))
        shown, number = shorten(one_line(value)), f"{count:,}"
        yield FactSentence(
            f"The {words} is {shown} with {counted(count, 'event')}.",
            (shown, number),
            (facts.values[name][value].line,),
        )
    for outcome in ("failure", "denied"):
        count = facts.counts["outcomes"][outcome]
        if count:
            verb = "failed" if outcome == "failure" else ("was denied" if count == 1 else "were denied")
            line = facts.values["outcomes"][outcome].line
            yield FactSentence(f"{counted(count, 'event')} {verb}.", (f"{count:,}",), (line,))


def shorten(text: str) -> str:
    """A value short enough for a line of a report; what was cut is said."""
    return text if len(text) <= VALUE_SHOWN else f"{text[:VALUE_SHOWN]}… ({len(text):,} characters)"
