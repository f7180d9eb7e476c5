"""A question to the one span of some passages that answers it, or to none: the reader without an index."""

from collections.abc import Sequence

from rag.answerable import probability
from rag.extract import Ask
from rag.models.embed import TextEmbedder
from rag.models.reader import Reader

READ = 16  # passages nearest in meaning that are read: 0.2 s on two cores
LEAST = 0.5  # probability from which on an answer is taken for one, as in `rag ask`


def asker(embedder: TextEmbedder, reader: Reader) -> Ask:
    """A function that asks `reader` about the passages nearest to a question."""

    def ask(question: str, passages: Sequence[tuple[str, str]]) -> tuple[int, int, int] | None:
        texts = [f"{section}\n{text}" if section else text for section, text in passages]
        nearest = (-(embedder.embed(texts) @ embedder.embed_question(question))).argsort()[:READ].tolist()
        readings = reader.read(question, [passages[index] for index in nearest])
        if probability([reading.answerable for reading in readings]) < LEAST:
            return None
        index, reading = max(zip(nearest, readings, strict=True), key=lambda pair: pair[1].answerable)
        start, end = reading.spans.best() if reading.spans is not None else (0, len(passages[index][1]))
        return (index, start, end) if start < end else None

    return ask
