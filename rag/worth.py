"""Whether an answer is worth a sentence of the language model, and whether that sentence speaks of what was asked.

The check (`rag/check.py`) knows whether a sentence is true to its quotation; here the reader says whether it answers.
The model cannot tell by itself: trained on it, of 235 questions of held-out documents it refused every fifth, whether
they were answered or not, and given three quotations it wrote from the wrong one as often as from the right one.
"""

import re
from collections.abc import Sequence

from rag.models.embed import TextEmbedder
from rag.models.reader import Reader
from rag.types import Hit

# The reader's "the answer is in it" (a logit). Of 88 questions of held-out documents with the quotation that answers
# them, 16 of the 18 sentences from 1.5 on were right, and 6 of 10 from .5 to 1.5. Of the 36 quotations below 1, one
# in 18 led to a sentence from 1.5 on, and none to a right one: from those nothing is written, which saves the wait.
PROMISING = 1.0  # of the quotation
RESPONSIVE = 1.5  # of the sentence
# Cosine of a sentence with the question, where there is no reader. Most of those that had nothing to do with the
# question lay below .5 on the dev questions, the true ones above .6.
ALIKE = 0.6

_MORE = re.compile(
    r"\band (?:how|what|when|where|which|who(?:m|se)?|why|may|must|can|does|do|is|are|will|should)\b|"
    r"\b(?:which|what|who|list|name)\b.*\b(?:two|three|four|five|six|seven|eight|nine|ten)\b",
    re.I,
)


def one_thing(question: str) -> bool:
    """Whether one sentence may answer the question: it asks for no list, nor for two things at once."""
    return not _MORE.search(question)


def likely(hits: Sequence[Hit]) -> bool:
    """Whether one of the passages promises an answer, so that a sentence will probably be written."""
    return any(hit.reading is None or hit.reading.answerable >= PROMISING for hit in hits)


def promising(question: str, heading: str, quotation: str, reader: Reader | None) -> bool:
    """Whether a sentence from the quotation, which stands under `heading`, is likely to answer the question."""
    return reader is None or reader.read(question, [(heading, quotation)])[0].answerable >= PROMISING


def responsive(question: str, sentence: str, reader: Reader | None, embedder: TextEmbedder) -> bool:
    """Whether a sentence speaks of what was asked."""
    if reader is not None:
        return reader.read(question, [("", sentence)])[0].answerable >= RESPONSIVE
    asked, said = embedder.embed([question, sentence])
    return float(asked @ said) >= ALIKE
