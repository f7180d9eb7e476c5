"""The one door to PyStemmer: words of a text as stems, so that "reported" meets "reporting"."""

import re
from functools import lru_cache
from typing import Any

from rag.query import STOPWORDS

_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import Stemmer  # late: `rag --help` needs none

    return Stemmer.Stemmer("english", 0)  # without its own cache, which threads may not share


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The English Snowball stem of a lower-case word."""
    return str(_stemmer().stemWord(word))


def stems(text: str) -> list[str]:
    """Stems of the words of `text` that carry a topic, in order, repeated as often as they stand there."""
    return [stem(word) for word in topic_words(text)]


def topic_words(text: str) -> list[str]:
    """Words of `text`, lower case, without stop words."""
    return [word for word in map(str.lower, _WORD.findall(text)) if word not in STOPWORDS]
