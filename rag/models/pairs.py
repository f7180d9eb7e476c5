"""How a question and a passage become one sequence for the reader. Training encodes with the same function."""

from dataclasses import dataclass

from rag.models.wordpiece import WordPiece

MAX_TOKENS = 256  # of a whole sequence; the network was trained on no longer ones
QUESTION_TOKENS = 64  # special tokens counted; what is longer is a pasted text, and its first words say its topic
CONTEXT_TOKENS = 40  # of title and section; long headings must not push the passage out


@dataclass(frozen=True, slots=True)
class Pair:
    """`[CLS] question [SEP] context and passage [SEP]` as token ids."""

    ids: list[int]  # t tokens
    types: list[int]  # 0 for the question, 1 for the rest
    first: int  # position of the passage's first token
    offsets: list[tuple[int, int]]  # of the passage's tokens, half-open code points of the passage


def encode(tokenizer: WordPiece, question: str, context: str, passage: str) -> Pair:
    """The sequence of one pair.

    Args:
        context: what the passage stands under (title, section); "" for none. No answer is sought in it.
        passage: cut at its end where all together is longer than MAX_TOKENS; passages as Strongroom makes them are not.
    """
    asked, _ = tokenizer.plain(question)
    head = [tokenizer.first, *asked[: QUESTION_TOKENS - 2], tokenizer.last]
    above = tokenizer.plain(f"{context}:")[0][:CONTEXT_TOKENS] if context else []
    tokens, offsets = tokenizer.plain(passage)
    room = MAX_TOKENS - len(head) - len(above) - 1
    ids = [*head, *above, *tokens[:room], tokenizer.last]
    return Pair(ids, [0] * len(head) + [1] * (len(ids) - len(head)), len(head) + len(above), offsets[:room])
