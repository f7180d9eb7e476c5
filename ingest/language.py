"""Names the main language of a document if it is not English; the one door to py3langid.

The embedding model (MiniLM-L6) was trained on English: text in another language is found by its words only, and a
user must be told. A false alarm would teach users to ignore the note, so the test errs on the quiet side: prose only,
several samples, a clear majority. Knows nothing about models.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from ingest.types import Page

_NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese",
    "nl": "Dutch", "sv": "Swedish", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "is": "Icelandic",
    "pl": "Polish", "cs": "Czech", "sk": "Slovak", "sl": "Slovenian", "hr": "Croatian", "sr": "Serbian",
    "hu": "Hungarian", "ro": "Romanian", "bg": "Bulgarian", "el": "Greek", "ru": "Russian", "uk": "Ukrainian",
    "lt": "Lithuanian", "lv": "Latvian", "et": "Estonian", "tr": "Turkish", "ar": "Arabic", "he": "Hebrew",
    "fa": "Persian", "hi": "Hindi", "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "vi": "Vietnamese",
    "th": "Thai", "id": "Indonesian",
}  # fmt: skip
"""The candidates. py3langid knows 97 languages; the rare ones only attract tables and lists of names."""

_SAMPLES = 12  # windows over the whole document
_SAMPLE_CHARACTERS = 600
_MIN_LETTERS = 300  # letters of prose in a document; below that, no answer. Halved for scripts without spaces
_MIN_SHARE = 0.6  # of the samples must agree on the same language other than English
_PROSE_LETTERS = 0.6  # share of letters in a line that is taken for prose; tables have less
_MIN_WORDS = 4  # of a line that is taken for prose; headings, names and cells have fewer
_COMMON = frozenset(["the", "and", "to", "of", "for", "that", "with", "by", "or", "are"])
_COMMON_SHARE = 0.15  # of all words; English prose has 0.20 to 0.27, any other language we know of below 0.05
_NO_SPACES = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # Thai, Japanese, Chinese, Korean


def unsupported_language(pages: Sequence[Page]) -> str | None:
    """English name of the document's main language if it is clearly not English; None if it is, or is not clear."""
    samples = _samples("\n".join(_prose(page.text) for page in _spread(pages)))
    if not samples:
        return None
    if _plainly_english(samples):
        return None
    identifier = _identifier()
    votes = Counter(identifier.classify(sample)[0] for sample in samples)
    language, count = votes.most_common(1)[0]
    if language == "en" or count < _MIN_SHARE * len(samples):
        return None
    return _NAMES[language]


def _plainly_english(samples: Sequence[str]) -> bool:
    """Whether common words alone settle it: most documents are English, and py3langid's model takes 1 s to load."""
    words = " ".join(samples).lower().split()
    return sum(word in _COMMON for word in words) >= _COMMON_SHARE * len(words)


def _spread(pages: Sequence[Page]) -> Sequence[Page]:
    """At most some 50 pages or records, evenly taken: a language shows in a part."""
    return pages[:: max(1, len(pages) // 50)]


def _prose(text: str) -> str:
    """The lines of `text` that read like sentences in any script."""
    return "\n".join(line for line in text[: 50 * _SAMPLE_CHARACTERS].splitlines() if _is_prose(line))


def _is_prose(line: str) -> bool:
    letters = sum(character.isalpha() for character in line)
    visible = sum(not character.isspace() for character in line)
    if not visible or letters < _PROSE_LETTERS * visible or line.isupper():
        return False
    return len(line.split()) >= _MIN_WORDS or len(_NO_SPACES.findall(line)) >= 2 * _MIN_WORDS


def _samples(text: str) -> list[str]:
    letters = sum(character.isalpha() for character in text)
    if letters < (_MIN_LETTERS // 2 if _NO_SPACES.search(text) else _MIN_LETTERS):
        return []
    # At least three samples, so that one odd paragraph in a short document does not decide.
    step = max(len(text) // _SAMPLES, min(_SAMPLE_CHARACTERS, len(text) // 3 + 1))
    windows = (text[start : start + _SAMPLE_CHARACTERS] for start in range(0, len(text), step))
    return [window for window in windows if sum(character.isalpha() for character in window) >= 50]


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # late: its model takes 1 s to load

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(list(_NAMES))
    return identifier
