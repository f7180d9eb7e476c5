"""A follow-up to a question that stands alone: "And by whom?" is asked of what was asked before it.

Decided by the words of the question alone, never by a model, and what comes of it is shown. Nothing of an answer is
taken over: what was answered wrongly would lead the next answer astray.
"""

import re

from rag.stems import topic_words

FEW = 1  # topic words; a question with no more of them leaves its topic to the question before
_OPENING = re.compile(
    r"^(?:and|or|but|also|then|so|what about|how about|what if|same for|the same for|otherwise|else)\b", re.I
)
# Words that stand for something said before. "It" alone may stand for nothing ("is it allowed to …"), but then a
# question has more of a topic, and is only searched with some words too many.
_POINTING = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|she|him|his|her|hers|those|these|this one|that one|the same|the latter|"
    r"the former)\b|\b(?:about|of|for|to|by|on|with|after|before|does|is|was|do|can|may|must) (?:that|this|there)\b",
    re.I,
)


def stand_alone(question: str, before: str | None) -> str:
    """`question` as it can be asked without the one before it; unchanged where it can be already.

    Args:
        before: the last question that stood alone; None in the beginning.
    """
    if before is None or not _follows(question):
        return question
    return f"{' '.join(before.split())} {' '.join(question.split())}"


def _follows(question: str) -> bool:
    text = question.strip()
    return bool(_OPENING.match(text) or _POINTING.search(text)) or len(set(topic_words(text))) <= FEW
