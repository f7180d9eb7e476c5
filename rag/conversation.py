"""Several turns, and their transcript. Knows no terminal; nothing is written unless somebody asks for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rag.answer import Answerer, validate
from rag.filters import EVERYTHING, Filter
from rag.follow import stand_alone
from rag.markdown import escape_markdown
from rag.types import Answer, Citation, Hit, Sentence, where


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with what came of it."""

    asked: str  # as it was typed
    understood: str  # as it was searched for
    hits: tuple[Hit, ...]  # passages that were found, best first
    answer: Answer

    @property
    def sources(self) -> tuple[Citation, ...]:
        """What the answer cites, or what came near where it was refused."""
        return self.answer.citations or self.answer.nearest


@dataclass(slots=True)
class Conversation:
    """Questions that may lean on the ones before them."""

    answerer: Answerer
    only: Filter = EVERYTHING
    turns: list[Turn] = field(default_factory=list)

    def understand(self, question: str) -> str:
        """The question as it will be searched for. Raises UsageError where it cannot be asked."""
        validate(question)
        return stand_alone(question, self.turns[-1].understood if self.turns else None)

    def ask(
        self,
        question: str,
        on_hits: Callable[[list[Hit]], None] = lambda _: None,
        on_sentence: Callable[[Sentence], None] = lambda _: None,
    ) -> Turn:
        """The next turn; see `Answerer.ask`."""
        understood = self.understand(question)
        found: list[Hit] = []

        def keep(hits: list[Hit]) -> None:
            found.extend(hits)
            on_hits(hits)

        answer = self.answerer.ask(understood, only=self.only, on_hits=keep, on_sentence=on_sentence)
        self.turns.append(Turn(question, understood, tuple(found), answer))
        return self.turns[-1]


def transcript(turns: Sequence[Turn]) -> str:
    """The turns as Markdown, every quotation with its place."""
    lines = ["# Questions and answers"]
    for turn in turns:
        lines += ["", f"## {escape_markdown(turn.asked)}", ""]
        if turn.understood != turn.asked:
            lines += [f"Understood as: {escape_markdown(turn.understood)}", ""]
        shown = "The documents say:" if turn.answer.mode == "quoted" else turn.answer.answer
        lines += [escape_markdown(shown), "", f"Confidence {turn.answer.confidence:.0%}, {turn.answer.mode}."]
        for warning in turn.answer.warnings:
            lines += ["", escape_markdown(warning)]
        if turn.answer.mode == "refused" and turn.sources:
            lines += ["", "Nearest, and not taken for an answer:"]
        for citation in turn.sources:
            lines += [
                "",
                f"{citation.number}. {escape_markdown(place(citation))}",
                "",
                f"   > {escape_markdown(citation.quote)}",
            ]
    return "\n".join(lines) + "\n"


def place(citation: Citation) -> str:
    """File, page and section of a citation, for people."""
    section = f" · {citation.section}" if citation.section else ""
    return f"{where(citation.path, citation.page, citation.record)}{section}"
