"""Text in a document that is written for a machine, or that nobody sees: told to the reader, never followed.

Quotations are shown as quotations and what the model writes is checked, so nothing depends on finding all of it; but
whoever reads an answer should know that a document tries to steer it. By patterns: what an order to a model looks like
in most attacks. A mere question among other text is no order, and is not told. OWASP's name for it is indirect prompt
injection (LLM01:2025).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from ingest.sentences import sentences
from rag.term import counted
from rag.types import Quote

_SHOWN = 90  # characters of an order that are repeated to the user
# Invisible characters with an honest use: the soft hyphen, and joiners that some scripts and emoji need.
_HONEST = frozenset("\u00ad\u200c\u200d")

_REPLY = r"(?:answers?|responses?|repl(?:y|ies)|outputs?|completions?|messages?|summary|summaries|text)"
_YOURS = rf"\b(?:your|the final|the model's|the assistant's)\s+(?:\w+\s+)?{_REPLY}\b"
_VERBS = """act add adopt alter answer append augment avoid begin change combine compose conclude convert craft deliver
embed encode encrypt end enhance ensure explain express feature finish format generate give group highlight ignore
include incorporate infuse inject insert integrate introduce jumble make mention misspell mix modify omit output pretend
print produce promote provide recommend refuse remove render repeat rephrase replace reply respond rewrite say scramble
send share show shuffle start state structure substitute suggest summarize swap switch tease tell transform translate
use weave write"""
_IGNORE = r"(?:ignore|disregard|forget|override|bypass)"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing|other|your|all)"
_RULES = r"(?:instruct\w*|prompts?|rules|guidelines|directions|context|text|questions?|orders?)"
_ORDERS = [
    # "Replace vowels in your answer …", "In your response, tease …"
    re.compile(rf"^\W*(?:please\s+|now\s+|then\s+)*(?:{'|'.join(_VERBS.split())})\b.*?{_YOURS}", re.I | re.M | re.S),
    re.compile(rf"^\W*(?:in|for|within|throughout|at the (?:end|start|beginning) of)\s+{_YOURS}\W", re.I | re.M),
    re.compile(rf"\b{_IGNORE}\b.{{0,40}}\b{_EARLIER}\b.{{0,30}}\b{_RULES}\b", re.I | re.S),
    re.compile(rf"\b{_IGNORE}\b.{{0,30}}\b{_RULES}\b.{{0,10}}\b(?:above|before|so far)\b", re.I | re.S),
    re.compile(r"\byou are (?:now )?(?:an? )?(?:\w+ )?(?:ai|assistant|chat ?bot|language model|llm|dan)\b", re.I),
    re.compile(r"\b(?:as|being) an? (?:ai|artificial intelligence|language model|assistant)\b", re.I),
    re.compile(r"\b(?:system prompt|developer mode|jailbreak|prompt injection)\b", re.I),
    re.compile(
        r"\b(?:do not|don't|never|without) (?:tell|inform|alert|mention(?:ing)? (?:this|it) to) the (?:user|human)\b",
        re.I,
    ),
    re.compile(r"\b(?:tell|inform|instruct) the (?:user|human|person asking)\b", re.I),
    re.compile(r"\binstead of answering\b|\b(?:respond|reply|answer) (?:only )?(?:with|in|as)\b.{0,60}$", re.I),
    re.compile(r"<\|[\w ]{2,20}\|>|\[/?INST\]|<{2}/?SYS>{2}|^\W*(?:system|assistant)\s*:", re.I | re.M),
]


def orders(text: str) -> list[str]:
    """Sentences of `text` that read as orders to a language model, as they stand there."""
    matches = (_order(text[start:end]) for start, end in sentences(text))
    return [" ".join(found.split()) for found in matches if found]


def _order(sentence: str) -> str:
    """From where the order begins; "" where there is none. Lines count: one may follow on text without a full stop."""
    found = min((match.start() for order in _ORDERS if (match := order.search(sentence))), default=len(sentence))
    return sentence[found:]


def invisible(text: str) -> int:
    """How many characters of `text` nobody sees: zero-width and bidirectional marks, tags."""
    return sum(unicodedata.category(letter) == "Cf" and letter not in _HONEST for letter in text)


def warnings(quotes: Sequence[Quote]) -> Iterator[str]:
    """A sentence for each quotation whose passage holds such text; quotations are numbered from 1."""
    for number, quote in enumerate(quotes, start=1):
        passage = quote.hit.stored.chunk.text
        if found := orders(passage):
            said = found[0] if len(found[0]) <= _SHOWN else f"{found[0][: _SHOWN - 1]}…"
            yield f"The passage of [{number}] holds text that is written for a machine, and was not followed: “{said}”"
        if count := invisible(passage):
            told = counted(count, "invisible character")
            yield f"The passage of [{number}] holds {told}, shown by code."
