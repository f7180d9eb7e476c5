"""Quotations to checked sentences: the model writes, the check decides what is shown."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from rag.check import Verdict, check
from rag.planted import orders, visible
from rag.prompt import build
from rag.types import Generator

MAX_TOKENS = 96  # of an answer: two long sentences; what comes after is repetition
MAX_SENTENCES = 2

_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\[(\"“])|\n+")
_MARKS = re.compile(r"\s*\[\d+\]")  # the program cites, the model does not: its numbers are guesses


def write(
    question: str,
    quotes: Sequence[str],
    generator: Generator,
    on_piece: Callable[[], None] = lambda: None,
    headings: Sequence[str] = (),
    on_prompt: Callable[[Sequence[Mapping[str, str]], int], None] = lambda _messages, _used: None,
    *,
    withheld: Collection[int] = (),
) -> Iterator[tuple[str, Verdict]]:
    """Stream each sentence as soon as it is complete, with what the check says of it.

    A quotation with an order to a language model is not given to it: nothing is written from those. Characters that
    nobody sees are left out of the others.

    Args:
        on_piece: hears each token.
        headings: what each quotation stands under, as people see it; a sentence may use its words. () for none.
        withheld: indices of quotations that are not given to it either.
        on_prompt: told the messages that the model gets, and how many quotations are in them.
    """
    given = [index for index, quote in enumerate(quotes) if index not in withheld and not orders(quote)]
    if not given:
        return
    quotes = [visible(quote) for quote in quotes]
    messages, used = build(question, [quotes[index] for index in given], generator)
    on_prompt(messages, used)
    given = given[:used]
    told, under = ([texts[index] for index in given] for texts in (quotes, headings or [""] * len(quotes)))
    seen: set[str] = set()
    for sentence in _sentences(generator.generate(messages, MAX_TOKENS), on_piece):
        if sentence in seen:
            return  # it has begun to repeat itself
        seen.add(sentence)
        verdict = check(sentence, told, question, under)
        yield sentence, replace(verdict, citations=tuple(given[index] for index in verdict.citations))
        if len(seen) == MAX_SENTENCES:
            return


def _sentences(pieces: Iterator[str], on_piece: Callable[[], None]) -> Iterator[str]:
    """Join streamed pieces, cut them at sentence ends. A last sentence without its full stop was cut off: dropped."""
    held = ""
    for piece in pieces:
        on_piece()
        held += piece
        *complete, held = _END.split(held)
        yield from filter(None, map(_clean, complete))
    if held.rstrip().endswith((".", "!", "?")):
        yield _clean(held)


def _clean(sentence: str) -> str:
    return _MARKS.sub("", sentence).strip()
