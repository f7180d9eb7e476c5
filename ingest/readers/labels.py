"""The labels of lists and numbered headings: numbers as word processors write them, and bullets.

Knows no file format: "lowerRoman" and "i" are the two names that formats have for the same style.
"""

from ingest.lines import BULLETS

BULLET = "•"

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
_NAMES = {"lowerLetter": "a", "upperLetter": "A", "lowerRoman": "i", "upperRoman": "I", "decimalZero": "01"}
_MAX_ROMAN, _MAX_LETTERS = 4999, 26 * 20  # beyond these nobody reads them, and a hostile start could fill memory


def numeral(number: int, style: str) -> str:
    """`number` in a style: "a", "A", "i", "I", "01" or Word's names of these; digits for every other style."""
    style = _NAMES.get(style, style)
    if style in ("a", "A") and 0 < number <= _MAX_LETTERS:
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)  # … y, z, aa, bb
        return letter if style == "a" else letter.upper()
    if style in ("i", "I") and 0 < number <= _MAX_ROMAN:
        roman = ""
        for size, letters in _ROMAN:
            roman += letters * (number // size)
            number %= size
        return roman if style == "i" else roman.upper()
    return f"{number:02}" if style == "01" else str(number)


def bullet(sign: str | None) -> str:
    """A bullet that can be read: signs of the fonts Symbol and Wingdings mean nothing elsewhere."""
    sign = (sign or "").strip()
    return sign if sign and sign in BULLETS and sign not in "*·" else BULLET
