"""Facts of a log to a summary of one page: sentences made by code, which a language model may only reword.

Each sentence carries the values in it and the lines it rests on. What the model writes is kept only if it holds the
same values in the same order and no word that could say more than the fact does; otherwise the plain sentence stands.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.logs.clock import iso
from ingest.logs.facts import FIRST_LINES, LogFacts
from rag.term import one_line
from rag.types import Generator

FINDINGS_SAID = 8  # findings that get a sentence; the report lists them all
AT_ONCE = 3  # sentences in one prompt: a small model loses count of more
MAX_TOKENS = 200
VALUE_SHOWN = 120  # characters of a value in a report
ROWS = 10  # of a table in a report
TEMPLATES_SHOWN = 20
FINDINGS_SHOWN = 40
COVERED = 0.8  # share of a fact's own words that a rewording must keep
BAR = 40  # characters of the longest bar

SYSTEM = "Reword each numbered sentence in plain English. Keep every number, name and date. Add nothing."


@dataclass(frozen=True, slots=True)
class FactSentence:
    """What was counted, as a sentence. `values` are the numbers and names in it, in their order."""

    text: str
    values: tuple[str, ...]
    lines: tuple[int, ...] = ()  # 1-based; none where it speaks of the whole log


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

    def to_json(self) -> dict[str, object]:
        """The contract's `summary` and `citations` of a log."""
        text: list[str] = []
        citations: list[dict[str, object]] = []
        for sentence in self.sentences:
            mark = ""
            if sentence.fact.lines:
                citations.append(
                    {
                        "number": len(citations) + 1,
                        "path": self.path,
                        "lines": list(sentence.fact.lines),
                        "fact": sentence.fact.text,
                    }
                )
                mark = f" [{len(citations)}]"
            text.append(sentence.text + mark)
        return {"summary": " ".join(text), "citations": citations, "dropped_sentences": self.dropped_sentences}


def summarise(facts: LogFacts, generator: Generator | None) -> LogSummary:
    """Say what matters in a log. Without a generator all sentences are plain."""
    sentences = plain_sentences(facts)
    if generator is None:
        return LogSummary(facts.path, tuple(SummarySentence(fact.text, fact, False) for fact in sentences))
    return word(facts.path, sentences, generator)


def plain_sentences(facts: LogFacts) -> list[FactSentence]:
    """The facts worth a sentence, the gravest findings before the figures."""
    return [*_about(facts), *_findings(facts), *_figures(facts)]


def word(path: str, facts: Sequence[FactSentence], generator: Generator) -> LogSummary:
    """Let the model reword the facts, a few at a time, and keep what passes the check."""
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
    return LogSummary(path, tuple(sentences), dropped)


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


def _about(facts: LogFacts) -> Iterator[FactSentence]:
    name, form = one_line(facts.path), one_line(facts.format)
    values = (name, f"{facts.lines:,}", f"{facts.events:,}", form)
    yield FactSentence(
        f"{name} holds {_count(facts.lines, 'line')} with {_count(facts.events, 'event')} in the format {form}.", values
    )
    if facts.first and facts.last:
        first, last = iso(facts.first), iso(facts.last)
        yield FactSentence(f"The events run from {first} to {last}.", (first, last))
    if facts.unparsed_lines:
        number = f"{facts.unparsed_lines:,}"
        yield FactSentence(
            f"{number} {'line counts' if number == '1' else 'lines count'} as unparsed.",
            (number,),
            tuple(facts.unparsed),
        )


def _findings(facts: LogFacts) -> Iterator[FactSentence]:
    for finding in facts.findings[:FINDINGS_SAID]:
        title = one_line(finding.title)
        number = f"{finding.count:,}"
        values = (*(match for match in re.findall(r"\S*\d\S*", title)), number)
        yield FactSentence(
            f"{finding.severity.capitalize()} severity: {title} ({_count(finding.count, 'event')}).",
            tuple(value.strip(",.;()") for value in values),
            tuple(finding.lines[:FIRST_LINES]),
        )
    more = len(facts.findings) - FINDINGS_SAID
    if more > 0:
        yield FactSentence(f"The report lists {more:,} more {'finding' if more == 1 else 'findings'}.", (f"{more:,}",))


_FIGURES = (("actors", "most active actor"), ("actions", "most frequent action"), ("sources", "most frequent source"))


def _figures(facts: LogFacts) -> Iterator[FactSentence]:
    for name, words in _FIGURES:
        if not facts.counts[name]:
            continue
        value, count = min(facts.counts[name].items(), key=lambda pair: (-pair[1], pair[0]))
        shown, number = shorten(one_line(value)), f"{count:,}"
        yield FactSentence(
            f"The {words} is {shown} with {_count(count, 'event')}.",
            (shown, number),
            (facts.first_seen[name][value],) if value in facts.first_seen.get(name, {}) else (),
        )
    for outcome in ("failure", "denied"):
        count = facts.counts["outcomes"][outcome]
        if count:
            verb = "failed" if outcome == "failure" else ("was denied" if count == 1 else "were denied")
            line = facts.first_seen.get("outcomes", {}).get(outcome)
            yield FactSentence(f"{_count(count, 'event')} {verb}.", (f"{count:,}",), (line,) if line else ())


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shorten(text: str) -> str:
    """A value short enough for a line of a report; what was cut is said."""
    return text if len(text) <= VALUE_SHOWN else f"{text[:VALUE_SHOWN]}… ({len(text):,} characters)"


_MARKUP = re.compile(r"[\\*\[\]~]|(?<!\w)_|_(?!\w)|^[#+-]")
_ORDINAL = re.compile(r"^(\d+)([.)])(?=\s|$)")  # "1. " begins a list; "1.2 " does not
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "&#96;", "|": "&#124;"}


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, table, HTML, link or control character survives."""
    escaped = _ORDINAL.sub(r"\1\\\2", _MARKUP.sub(lambda match: f"\\{match[0]}", one_line(text)))
    for character, entity in _ENTITIES.items():
        escaped = escaped.replace(character, entity)
    return escaped.replace("://", "&#58;//").replace("www.", "www&#46;")


def render_markdown(facts: LogFacts, summary: LogSummary) -> str:
    """The report on one log: summary, findings with lines, figures, templates, and what could not be read."""
    out = [f"# {escape_markdown(facts.path)}", ""]
    for sentence in summary.sentences:
        out.append(f"- {escape_markdown(sentence.text)}{_cited(sentence.fact.lines)}")
    out += ["", "## What stands out", ""]
    out += _findings_table(facts)
    for name in ("actors", "actions", "outcomes", "objects", "sources", "error_codes"):
        out += _table(name.replace("_", " ").capitalize(), facts.counts[name])
    out += _histogram(facts.counts["hours"])
    out += _templates_table(facts)
    out += ["", "## How it was read", ""]
    out.append(
        f"- {facts.lines:,} lines: {facts.event_lines:,} with events, {facts.blank_lines:,} blank, "
        f"{facts.unparsed_lines:,} unparsed{_cited(facts.unparsed, facts.unparsed_lines)}"
    )
    out += [f"- {escape_markdown(note)}" for note in facts.notes]
    if summary.dropped_sentences:
        out.append(f"- {summary.dropped_sentences} sentences of the model failed the check; the plain ones stand.")
    return "\n".join(out) + "\n"


def _findings_table(facts: LogFacts) -> Iterator[str]:
    if not facts.findings:
        yield "Nothing, by the rules and statistics that were applied."
        return
    yield "| severity | finding | why it matters | events | lines |"
    yield "|---|---|---|--:|---|"
    for finding in facts.findings[:FINDINGS_SHOWN]:
        yield (
            f"| {finding.severity} | {escape_markdown(finding.title)} | {escape_markdown(finding.why)} "
            f"| {finding.count:,} | {_ranges(finding.lines[:FIRST_LINES], len(finding.lines))} |"
        )
    if len(facts.findings) > FINDINGS_SHOWN:
        yield f"\nand {len(facts.findings) - FINDINGS_SHOWN:,} more findings."


def _table(title: str, counts: Counter[str]) -> Iterator[str]:
    if not counts:
        return
    yield from ("", f"## {title}", "", "| value | events |", "|---|--:|")
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    for value, count in ranked[:ROWS]:
        yield f"| {escape_markdown(shorten(value))} | {count:,} |"
    if len(ranked) > ROWS:
        rest = sum(count for _, count in ranked[ROWS:])
        yield f"| and {len(ranked) - ROWS:,} more | {rest:,} |"


def _histogram(hours: Counter[str]) -> Iterator[str]:
    if not hours:
        return
    most = max(hours.values())
    yield from ("", "## Hours of the day (UTC)", "", "```")
    for hour in range(24):
        count = hours[f"{hour:02}"]
        yield f"{hour:02} {'█' * max(1 if count else 0, round(BAR * count / most)):<{BAR}} {count:,}"
    yield "```"


def _templates_table(facts: LogFacts) -> Iterator[str]:
    if not facts.templates:
        return
    yield from ("", "## Templates", "", "| events | pattern | first lines |", "|--:|---|---|")
    for template in facts.templates[:TEMPLATES_SHOWN]:
        shown = _ranges(template.lines[:5], len(template.lines))
        yield f"| {template.count:,} | {escape_markdown(shorten(template.pattern))} | {shown} |"
    rest = facts.templates[TEMPLATES_SHOWN:]
    if rest:
        yield f"| {sum(template.count for template in rest):,} | and {len(rest):,} more templates | |"


def _cited(lines: Sequence[int], total: int | None = None) -> str:
    if not lines:
        return ""
    return f" *(line{'s' if len(lines) > 1 else ''} {_ranges(lines, total or len(lines))})*"


def _ranges(lines: Sequence[int], total: int) -> str:
    """Ascending line numbers, runs as `7–9`, and how many of `total` are not among them."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    text = ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)
    return f"{text} and {total - len(lines):,} more" if total > len(lines) else text
