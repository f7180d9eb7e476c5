"""Groups to batches of token ids: of like length, so that little is padding, and within a budget of tokens."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from rag.models import pairs
from rag.models.pairs import Pair
from rag.models.wordpiece import WordPiece
from rag.tune.groups import Candidate, Group

TOKENS = 3000  # of one process's batch, padding counted
POOL = 2000  # groups that are sorted by length together


@dataclass(frozen=True, slots=True)
class Batch:
    """n sequences of t tokens, and what is wanted of them. Groups are runs of equal `group`."""

    input_ids: Tensor  # (n, t)
    attention_mask: Tensor  # (n, t)
    token_type_ids: Tensor  # (n, t)
    span: Tensor  # (n, 2) token positions of the answer's first and last token; 0 without one; -1 unknown
    answerable: Tensor  # (n,) 1, 0, or -1 unknown
    relevant: Tensor  # (n,)
    group: Tensor  # (n,)


@dataclass(frozen=True, slots=True)
class _Row:
    pair: Pair
    span: tuple[int, int]
    candidate: Candidate


def batches(groups: Iterable[Group], tokenizer: WordPiece, seed: int) -> Iterator[Batch]:
    """Batches of whole groups, in an order that is random but for the lengths."""
    rng = random.Random(seed)
    source = iter(groups)
    while pool := list(islice(source, POOL)):
        encoded = [rows for rows in (encode(group, tokenizer) for group in pool) if rows]
        encoded.sort(key=lambda rows: max(len(row.pair.ids) for row in rows))
        made = list(_split(encoded))
        rng.shuffle(made)
        yield from map(_pack, made)


def encode(group: Group, tokenizer: WordPiece) -> list[_Row]:
    """A row for each candidate; none for a group whose answer would be cut off."""
    rows = []
    # Where it is not known where the answer stands, nothing is learnt of where it does not: else only that would be.
    pointed = all(candidate.span is not None for candidate in group.candidates if candidate.answerable == 1)
    for candidate in group.candidates:
        pair = pairs.encode(tokenizer, group.question, candidate.context, candidate.text)
        span = (0, 0) if candidate.answerable == 0 and pointed else (-1, -1)
        if candidate.span is not None:
            start, end = candidate.span
            if not pair.offsets or pair.offsets[-1][1] < end:
                return []
            inside = [i for i, (left, right) in enumerate(pair.offsets) if left < end and start < right]
            span = (pair.first + inside[0], pair.first + inside[-1])
        rows.append(_Row(pair, span, candidate))
    return rows


def _split(encoded: Sequence[list[_Row]]) -> Iterator[list[list[_Row]]]:
    part: list[list[_Row]] = []
    for rows in encoded:  # by length, so the last one is the longest
        longest = max(len(row.pair.ids) for row in rows)
        if part and (sum(map(len, part)) + len(rows)) * longest > TOKENS:
            yield part
            part = []
        part.append(rows)
    if part:
        yield part


def _pack(part: Sequence[list[_Row]]) -> Batch:
    rows = [row for rows in part for row in rows]
    width = max(len(row.pair.ids) for row in rows)

    def padded(values: list[int]) -> list[int]:
        return values + [0] * (width - len(values))

    return Batch(
        torch.tensor([padded(row.pair.ids) for row in rows]),
        torch.tensor([padded([1] * len(row.pair.ids)) for row in rows]),
        torch.tensor([padded(row.pair.types) for row in rows]),
        torch.tensor([row.span for row in rows]),
        torch.tensor([row.candidate.answerable for row in rows]),
        torch.tensor([row.candidate.relevant for row in rows]),
        torch.tensor([number for number, rows in enumerate(part) for _ in rows]),
    )
