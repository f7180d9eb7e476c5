"""Judges the text layer of a page that may be a scan. Knows no PDF, only the text that a reader found.

A layer is garbled where a font's codes lead to no letters, or to wrong ones: then it reads as private-use characters,
or as words that nobody can pronounce. The rules are careful, since a page that is recognised anew takes seconds and may
lose letters: of 3,785 pages of procedures and annual reports none is taken for garbled.
"""

import re
from dataclasses import replace

from ingest.types import Hidden, Page

GARBAGE_SHARE = 0.2
"""Of the characters that are no blanks, bullets aside; those 3,785 pages have at most 0.003."""
ODD_SHARE = 0.3
"""Of the words of four letters or more that hold no vowel, or five consonants in a row. They have at
most 0.10; with letters shifted, as a font's own numbers are where its map to Unicode is missing, at least 0.34."""
VOWEL_SHARE = 0.28
"""Of the letters of those words: 0.35 to 0.46 on real pages, at most 0.18 on shifted ones."""
MIN_WORDS = 40  # of that length; fewer tell nothing, and a list of abbreviations has few

_GARBAGE = re.compile(r"[\ue000-\uf8ff\ufffd\x00-\x01\x03-\x08\x0e-\x1f\x7f-\x9f]")
_KNOWN = re.compile(r"[\uf0b7\uf0a7\uf0d8\uf0fc\uf076]")  # bullets that `pdf.normalise` gives a meaning
_LETTER = re.compile(r"[^\W_]")
_LATIN_WORD = re.compile(r"(?<![^\W\d_])[A-Za-z]{4,}(?![^\W\d_])")  # none with an accent: those are of other languages
_ODD = re.compile(r"[^aeiouy]+|.*[^aeiouy]{5}.*", re.IGNORECASE)
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
_COMMON = (" the ", " and ", " of ")
_WORD = re.compile(r"[^\W_]+")


def letters(text: str) -> int:
    """Letters and digits in `text`."""
    return len(_LETTER.findall(text))


def garbled(text: str) -> bool:
    """Whether a page's text layer says nothing that can be read, though it has characters."""
    if not text.isascii() or not text.isprintable():
        garbage = len(_GARBAGE.findall(text)) - len(_KNOWN.findall(text))
        if garbage > 0 and garbage > GARBAGE_SHARE * len("".join(text.split())):
            return True
    if any(word in text for word in _COMMON):  # most pages end here
        return False
    words = _LATIN_WORD.findall(text)
    if len(words) < MIN_WORDS or sum(map(bool, map(_ODD.fullmatch, words))) <= ODD_SHARE * len(words):
        return False
    joined = "".join(words)
    return len(_VOWEL.findall(joined)) < VOWEL_SHARE * len(joined)


def better(page: Page, recognised: str) -> Page:
    """The page with the text that was recognised: what its layer says and what is seen, nothing lost, little twice.

    A garbled layer gives way to whatever was seen. A readable one stays where as much was not seen; else the lines of
    it that hold a word which was not seen (a file number that was misread, white text) stand first, and what is hidden
    of them stays hidden.
    """
    if not page.text.strip() or garbled(page.text):
        return replace(page, text=recognised, ocr=True, hidden=()) if recognised.strip() else page
    if letters(recognised) <= letters(page.text):
        return page
    seen = set(_words(recognised))
    kept: list[str] = []
    spans: list[Hidden] = []
    here = there = 0  # where the line begins in the layer, and where it begins in the new text
    for line in page.text.split("\n"):
        if not seen.issuperset(_words(line)):
            kept.append(line)
            for span in page.hidden:
                start, end = max(span.start - here, 0), min(span.end - here, len(line))
                if start < end:
                    spans.append(Hidden(there + start, there + end, span.why))
            there += len(line) + 1
        here += len(line) + 1
    return replace(page, text="\n".join([*kept, recognised]), ocr=True, hidden=tuple(spans))


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
