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
from rag.term import SHAPELESS, counted
from rag.types import Quote

_SHOWN = 90  # characters of an order that are repeated to the user

_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))  # that choose how a sign is drawn, as emoji or as text
# Invisible characters in honest use: the soft hyphen; joiners between letters of scripts that join, and in emoji; one
# variation selector behind a sign or an ideograph, or in a keycap; the tags of a flag.
_HONEST = re.compile(
    "\u00ad|(?<=[^\x00-\u058f])[\u200c\u200d]|(?<=[^\x00-\u024f\ufe00-\ufe0f\U000e0100-\U000e01ef])"
    "[\ufe00-\ufe0f\U000e0100-\U000e01ef]|(?<=[0-9#*])\ufe0f(?=\u20e3)"
    "|(?<=\U0001f3f4)[\U000e0030-\U000e007a]{1,6}\U000e007f"
)
# Cyrillic and Greek letters that are drawn like Latin ones (Unicode Technical Standard 39, confusables.txt).
_ALIKE = dict(
    zip(
        "аеіјорсухѕһԁԛԝАВЕЅІЈКМНОРСТУХҮԌΑΒΕΖΗΙΚΜΝΟΡΤΥΧοϲϳ",
        "aeijopcyxshdqwABESIJKMHOPCTYXYGABEZHIKMNOPTYXocj",
        strict=True,
    )
)
_FOLDED = str.maketrans(_ALIKE)
_LATIN = re.compile("[A-Za-z]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_TAG, _SELECTOR = 0xE0000, 0xE0100 - 16  # what is added to a letter's code where tags or variation selectors spell text

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
    """Sentences of `text` that read as orders to a language model, as they stand there.

    Letters that stand for others, and those that nobody sees, are read as a model may read them.
    """
    text = _read(text)
    matches = (_order(text[start:end]) for start, end in sentences(text))
    return [" ".join(found.split()) for found in matches if found]


def _order(sentence: str) -> str:
    """From where the order begins; "" where there is none. Lines count: one may follow on text without a full stop."""
    found = min((match.start() for order in _ORDERS if (match := order.search(sentence))), default=len(sentence))
    return sentence[found:]


def _read(text: str) -> str:
    """`text` with what invisible characters spell, without the others, and with look-alikes as the letters they play.

    In one alphabet it is as it was: Russian or Greek words are no look-alikes.
    """
    if text.isascii():
        return text
    spelled = "".join(map(_spelled, text))
    return _WORD.sub(lambda word: word[0].translate(_FOLDED) if _mixed(word[0]) else word[0], spelled)


def _spelled(letter: str) -> str:
    if not _unseen(letter):
        return letter if ord(letter) < 0x1D400 else unicodedata.normalize("NFKC", letter)  # 𝐢𝐠𝐧𝐨𝐫𝐞
    for first in (_TAG, _SELECTOR):
        if 0x20 <= ord(letter) - first < 0x7F:
            return chr(ord(letter) - first)
    return ""


def visible(text: str) -> str:
    """`text` without the characters that nobody sees."""
    return text if text.isascii() else "".join(letter for letter in text if not _unseen(letter))


def invisible(text: str) -> int:
    """How many characters of `text` nobody sees and nobody needs: zero-width and bidirectional marks, tags, fillers."""
    return 0 if text.isascii() else sum(map(_unseen, _HONEST.sub("", text)))


def _unseen(letter: str) -> bool:
    return letter in SHAPELESS or letter in _SELECTORS or unicodedata.category(letter) == "Cf"


def look_alikes(text: str) -> list[str]:
    """Words of `text` that mix Latin letters with Cyrillic or Greek ones that look the same, each once."""
    return [] if text.isascii() else list(dict.fromkeys(word for word in _WORD.findall(text) if _mixed(word)))


def _mixed(word: str) -> bool:
    """Whether all its letters look Latin, and some are not."""
    return (
        not word.isascii()
        and bool(_LATIN.search(word))
        and all(letter in _ALIKE or _LATIN.match(letter) for letter in word)
    )


def warnings(quotes: Sequence[Quote]) -> Iterator[str]:
    """A sentence for each quotation whose passage holds such text; quotations are numbered from 1."""
    for number, quote in enumerate(quotes, start=1):
        chunk = quote.hit.stored.chunk
        if quote.unseen:
            yield f"[{number}] is text that is hidden in the document ({quote.unseen}); nothing was written from it."
        elif quote.hidden:
            span = quote.hidden[0]
            said = _short(chunk.text[span.start - chunk.start : span.end - chunk.start])
            yield f"The passage of [{number}] also holds text that is hidden in the document ({span.why}): “{said}”"
        if found := orders(chunk.text):
            yield (
                f"The passage of [{number}] holds text that is written for a machine, and was not followed: "
                f"“{_short(found[0])}”"
            )
        if count := invisible(chunk.text):
            told = counted(count, "invisible character")
            yield f"The passage of [{number}] holds {told}, shown by code."
        if words := look_alikes(chunk.text):
            told = counted(len(words), "word")
            yield (
                f"The passage of [{number}] holds {told} in which letters of another alphabet stand for Latin ones: "
                f"“{words[0]}”"
            )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
