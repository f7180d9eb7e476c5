"""A question to an answer: retrieve, pick evidence, decide, write, check, cite. The order is the whole idea."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.errors import HostError, UsageError
from ingest.types import UNREAD, FileReport
from rag import planted, worth
from rag.answerable import confidence
from rag.arithmetic import to_work_out
from rag.differing import difference, differences
from rag.evidence import QUOTES, places, select
from rag.expand import Wording
from rag.filters import EVERYTHING, Filter, matching
from rag.models.embed import MAX_TOKENS
from rag.models.pairs import QUESTION_TOKENS
from rag.query import MAX_TERMS, STOPWORDS, parse
from rag.rank import context
from rag.retrieve import Retriever
from rag.stems import stems
from rag.store.catalog import Catalog
from rag.term import counted
from rag.types import Answer, Checked, Citation, Generator, Hit, ModelInfo, Quote, Sentence
from rag.versions import Name, asks_for_versions, in_force, newer_versions
from rag.write import write

if TYPE_CHECKING:
    from rag.events.answer import LogAnswer

HITS = 8  # passages retrieved for an answer
MAX_WRITTEN = 600  # tokens of a question that the language model is asked; its window holds the evidence as well
MAX_WORDS = 400  # of a question: what the embedding model reads; longer ones are documents, not questions

REFUSAL = "Not in your documents: nothing was found that answers this."
NOT_STATED = "Not in your documents as such: “{}” asks for something that would have to be worked out."


@dataclass(slots=True)
class Course:
    """How an answer came about."""

    hits: list[Hit] = field(default_factory=list)  # passages that were found, best first
    prompt: list[Mapping[str, str]] = field(default_factory=list)  # what the language model was given
    checks: list[Checked] = field(default_factory=list)  # what it wrote, shown or not
    sent: list[str] = field(default_factory=list)  # what went to another host, in sentences; empty: all stayed here


Witness = Callable[[Answer, Course, Filter], Answer]
"""Hears of each answer before it is given back; may add a warning to it."""


@dataclass(slots=True)
class Answerer:
    """Everything an answer needs. The language model is loaded only once an answer is to be written."""

    retriever: Retriever
    load_generator: Callable[[], Generator] | None  # None: answers are quotations alone
    threshold: float
    expect_generator: Callable[[], object] = lambda: None  # told when an answer will probably be written
    witness: Witness = lambda answer, _course, _only: answer

    def ask(
        self,
        question: str,
        *,
        only: Filter = EVERYTHING,
        on_hits: Callable[[list[Hit]], None] = lambda _: None,
        on_sentence: Callable[[Sentence], None] = lambda _: None,
    ) -> Answer:
        """Answer one question.

        Args:
            only: which passages the answer may rest on.
            on_hits: told the passages as soon as they are found.
            on_sentence: told each sentence as soon as it has passed the check.

        Raises:
            UsageError: the question is empty or far too long.
        """
        validate(question)
        course = Course()
        return self.witness(self._answer(question, only, on_hits, on_sentence, course), course, only)

    def _answer(
        self,
        question: str,
        only: Filter,
        on_hits: Callable[[list[Hit]], None],
        on_sentence: Callable[[Sentence], None],
        course: Course,
    ) -> Answer:
        clock = Clock()
        logged = ask_logs(self.retriever.catalog, question, only)
        if logged is not None and (logged.standing == "answer" or logged.alone):
            return self._from_logs(question, logged, only, clock)
        hits = self.retriever.search(question, HITS, only)
        course.hits += hits
        on_hits(hits)
        wordable = self.load_generator is not None and worth.one_thing(question)
        if wordable and worth.likely(hits):
            self.expect_generator()
        found = places(question, hits, self.retriever.catalog, self.retriever.embedder)
        reports = self.retriever.catalog.reports()
        newer = {} if asks_for_versions(question) else newer_versions(map(_name, reports))
        quotes, replaced = in_force(select(found, 2 * QUOTES), newer, QUOTES)
        sure = confidence(hits, found)
        clock.mark("retrieve")
        unreadable = unread(reports)
        unknown = _unknown(self.retriever.wording(question))
        searched = len(matching(self.retriever.catalog, only)[0])
        measure = to_work_out(question, [quote.text for quote in quotes])
        if not quotes or sure < self.threshold or measure:
            if logged is not None and logged.standing == "fallback":
                return self._from_logs(question, logged, only, clock)
            return Answer(
                question=question,
                found=False,
                answer=NOT_STATED.format(measure) if quotes and measure else REFUSAL,
                mode="refused",
                confidence=sure,
                citations=(),
                warnings=(*unknown, *((logged.text,) if logged is not None else ())),
                unreadable=unreadable,
                searched=searched,
                nearest=tuple(cite(number, quote) for number, quote in enumerate(quotes, start=1)),
                search_adapter=self._search_adapter(),
                timings_ms=clock.stop(),
            )
        at_odds = tuple(differences([cite(number, quote) for number, quote in enumerate(quotes, start=1)]))
        # Where quotations are at odds, all of them are the answer: a sentence would take one side.
        write = wordable and not at_odds and self._promising(question, quotes[0])
        sentences, cited, dropped, model = (
            self._write(question, quotes[:1], clock, on_sentence, course) if write else ([], [], 0, None)
        )
        shown = cited or quotes
        citations = tuple(cite(number, quote) for number, quote in enumerate(shown, start=1))
        earlier, said_before = _said_before(citations, replaced)
        text = " ".join(map(str, sentences)) if sentences else "\n".join(map(_quotation, citations))
        return Answer(
            question=question,
            found=True,
            answer=text,
            mode="written" if sentences else "quoted",
            confidence=sure,
            citations=(*citations, *earlier),
            missing=_missing(question, citations),
            warnings=(
                *at_odds,
                *said_before,
                *_outdated(citations, newer),
                *planted.warnings(shown),
                *unknown,
                *self._warnings(question, silent=write and model is None),
                *course.sent,
            ),
            dropped_sentences=dropped,
            unreadable=unreadable,
            searched=searched,
            model=model,
            search_adapter=self._search_adapter(),
            timings_ms=clock.stop(),
        )

    def _from_logs(self, question: str, logged: "LogAnswer", only: Filter, clock: "Clock") -> Answer:
        """What was counted in logs, or that no event fits."""
        catalog = self.retriever.catalog
        clock.mark("retrieve")
        found = logged.standing != "nothing"
        return Answer(
            question=question,
            found=found,
            answer=logged.text if found else f"{REFUSAL} {logged.text}",
            mode="written" if found else "refused",
            confidence=logged.confidence,
            citations=logged.citations if found else (),
            warnings=logged.warnings,
            unreadable=unread(catalog.reports()),
            searched=len(matching(catalog, only)[0]),
            nearest=() if found else logged.citations,
            counted=logged.counted,
            timings_ms=clock.stop(),
        )

    def _write(
        self,
        question: str,
        quotes: Sequence[Quote],
        clock: "Clock",
        on_sentence: Callable[[Sentence], None],
        course: Course,
    ) -> tuple[list[Sentence], list[Quote], int, ModelInfo | None]:
        """Sentences that passed, the quotations they cite in order, how many did not pass, and who wrote."""
        assert self.load_generator is not None  # the caller's duty
        generator = self.load_generator()
        clock.mark("load")
        # A token has a byte at least: so short questions need no counting, for which 0.15 s go into a table.
        if len(question.encode()) > MAX_WRITTEN and generator.count(question) > MAX_WRITTEN:
            return [], [], 0, None
        passed: list[Sentence] = []
        cited: list[Quote] = []
        dropped = 0

        def told(messages: Sequence[Mapping[str, str]], used: int) -> None:
            course.prompt += messages
            if generator.host:
                texts = f"the text of {counted(used, 'quotation')}"
                course.sent.append(f"The question and {texts} were sent to {generator.host}, which config.toml allows.")

        written = write(
            question,
            [quote.text for quote in quotes],
            generator,
            lambda: clock.mark("first_token"),
            [context(quote.hit.stored) for quote in quotes],
            told,
            withheld=[index for index, quote in enumerate(quotes) if quote.unseen],
        )
        try:
            for text, verdict in written:
                responsive = verdict.passed and worth.responsive(
                    question, text, self.retriever.reader, self.retriever.embedder
                )
                course.checks.append(Checked(text, verdict.failures, verdict.citations, responsive))
                if responsive:
                    clock.mark("first_sentence")
                    cited += [quotes[index] for index in verdict.citations if quotes[index] not in cited]
                    passed.append(Sentence(text, tuple(cited.index(quotes[index]) + 1 for index in verdict.citations)))
                    on_sentence(passed[-1])
                else:
                    dropped += 1
        except HostError as error:  # what was found and has passed stands without it
            if not error.sent:
                course.sent.clear()
            course.sent.append(f"{error} Nothing more was written.")
        return passed, cited, dropped, ModelInfo(generator.name, generator.sha256)

    def _warnings(self, question: str, *, silent: bool) -> tuple[str, ...]:
        """What of a long question was not looked at; `silent`: the language model was not asked."""
        warnings = []
        if left_out := parse(question).left_out:
            warnings.append(f"{left_out} words of the question were not searched for, only its first {MAX_TERMS}.")
        tokens = len(self.retriever.embedder.tokenizer.offsets(question))
        if tokens > MAX_TOKENS:
            warnings.append(f"The meaning of the question was taken from its first {MAX_TOKENS} tokens.")
        if self.retriever.reader is not None and tokens > QUESTION_TOKENS:
            warnings.append(f"The passages were read for its first {QUESTION_TOKENS} tokens.")
        if silent:
            warnings.append("The question is too long for the language model, so the quotations stand alone.")
        return tuple(warnings)

    def _search_adapter(self) -> ModelInfo | None:
        tuned = self.retriever.tuned
        return ModelInfo(tuned.name, tuned.sha256) if tuned else None

    def _promising(self, question: str, quote: Quote) -> bool:
        return worth.promising(question, context(quote.hit.stored), quote.text, self.retriever.reader)


class Clock:
    """Milliseconds since it was made, by name; each name keeps its first mark, None if it was not reached."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._marks: dict[str, float | None] = dict.fromkeys(
            ("retrieve", "load", "first_token", "first_sentence", "total")
        )

    def mark(self, name: str) -> None:
        """Note that `name` has been reached."""
        if self._marks[name] is None:
            self._marks[name] = round((time.perf_counter() - self._start) * 1000, 1)

    def stop(self) -> dict[str, float | None]:
        """All marks, with `total`."""
        self.mark("total")
        return self._marks


def validate(question: str) -> None:
    """Raise UsageError for a question that cannot be asked."""
    words = len(question.split())
    if not parse(question).terms:
        raise UsageError('The question is empty; ask it in words, for example: rag ask "Who approves exceptions?"')
    if words > MAX_WORDS:
        raise UsageError(
            f"The question has {words} words, at most {MAX_WORDS} are read; ask for one thing at a time, or find "
            "passages like a long text with `rag search`."
        )


def unread(reports: Sequence[FileReport]) -> tuple[str, ...]:
    """Files and pages whose text no search can reach, for people: an answer may be on them."""
    lines = []
    for report in reports:
        if report.status in UNREAD:
            lines.append(f"{report.path} ({report.status})")
            continue
        for pages, why in ((report.pages_without_text, "no text"), (report.pages_failed, "failed")):
            if pages:
                lines.append(f"{report.path}, page {', '.join(map(str, pages))} ({why})")
    return tuple(lines)


def ask_logs(catalog: Catalog, question: str, only: Filter) -> "LogAnswer | None":
    """What logs have to say; None where there are none, or the question is not about them."""
    if not catalog.logs():
        return None
    from rag.events import answer  # late: 0.04 s that most homes have no use for

    return answer.answer(catalog, question, only)


def _unknown(wording: Wording) -> tuple[str, ...]:
    """Half a question may be answered: what no document speaks of, at least in these words."""
    words = ", ".join(f"“{word}”" for word in wording.unknown)
    return (f"No document has the word{'s' * (len(wording.unknown) > 1)} {words}.",) if words else ()


def _said_before(citations: Sequence[Citation], replaced: Sequence[Quote]) -> tuple[list[Citation], list[str]]:
    """Quotations of earlier versions that say otherwise, numbered after the answer's own, and a sentence for each."""
    earlier: list[Citation] = []
    told = []
    for quote in replaced:
        citation = cite(len(citations) + len(earlier) + 1, quote)
        for one in citations:
            if one.sha256 != citation.sha256 and (said := difference(one, citation)):
                earlier.append(citation)
                told.append(
                    f"[{citation.number}] is of an earlier version, which says otherwise than [{one.number}]: {said}."
                )
                break
    return earlier, told


def _outdated(citations: Sequence[Citation], newer: Mapping[Name, Name]) -> list[str]:
    """Where an earlier version is quoted because the newest one had nothing that fits."""
    found = {item.path: newer[item.root, item.path][1] for item in citations if (item.root, item.path) in newer}
    return [
        f"{old} is an earlier version of {new}, of which nothing was found that fits." for old, new in found.items()
    ]


def _name(report: FileReport) -> Name:
    return report.root, report.path


def _quotation(citation: Citation) -> str:
    return f"“{' '.join(citation.quote.split())}” [{citation.number}]"


def cite(number: int, quote: Quote) -> Citation:
    """The numbered citation of a quotation."""
    stored = quote.hit.stored
    chunk = stored.chunk
    return Citation(
        number=number,
        path=chunk.path,
        sha256=stored.sha256,
        page=chunk.page,
        section=chunk.section,
        start=quote.start,
        end=quote.end,
        quote=quote.text,
        record=chunk.record,
        root=stored.root,
        ocr=stored.ocr,
        also=stored.also,
        words=_words(quote),
        hidden=quote.unseen,
    )


def _words(quote: Quote) -> tuple[int, int] | None:
    """Where the reader points, if that lies in the quotation."""
    reading = quote.hit.reading
    if reading is None or reading.spans is None:
        return None
    begin = quote.hit.stored.chunk.start
    start, end = (begin + place for place in reading.spans.best())
    return (start, end) if quote.start <= start < end <= quote.end else None


def _missing(question: str, citations: Sequence[Citation]) -> tuple[str, ...]:
    """Words of the question that no citation nor its section holds."""
    held = {word for item in citations for word in stems(f"{item.section}\n{item.quote}")}
    return tuple(term for term in parse(question).terms if term not in STOPWORDS and not set(stems(term)) <= held)
