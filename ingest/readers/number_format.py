"""Shows a cell's number as its format does: decimals, thousands, percentages, currency.

Number formats are those of ECMA-376-1, 18.8.31. Where one cannot be followed, the number is shown as it is; nor are
fractions and powers of ten. Knows nothing about sheets, and nothing about dates, which openpyxl tells apart.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|[_*].|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[[^\]]*\]'
    r"|(?P<digits>[0#?.,]+)|(?P<end>;)|(?P<other>.)",
    re.DOTALL,
)
_MAX_DECIMALS = 15  # digits that a float has


class _Section(NamedTuple):
    """How numbers of one sign are shown."""

    before: str = ""
    digits: str = ""  # "#,##0.00"; "" where the section shows no number, or one that is not followed
    after: str = ""
    percent: bool = False


def shown(number: float, form: str) -> str:
    """A number as a cell with the format `form` shows it."""
    sections = _sections(form)
    index = 1 if number < 0 and len(sections) > 1 else 2 if number == 0 and len(sections) > 2 else 0
    section = sections[index]
    if not re.search(r"[0#?]", section.digits) or abs(number) == float("inf") or number != number:
        words = f"{section.before}{section.after}".strip()
        return words if index == 2 and words else plain(number)
    # A section for negative numbers brings its own sign, often brackets.
    text = _number(abs(number), section)
    sign = "-" if number < 0 and index == 0 and re.search(r"[1-9]", text) else ""
    return f"{sign}{section.before}{text}{section.after}".strip()


def plain(number: float) -> str:
    """A number as it is, without the noise of binary fractions."""
    return str(int(number)) if abs(number) < 1e15 and number == int(number) else f"{number:.15g}"


@lru_cache(maxsize=4096)
def _sections(form: str) -> tuple[_Section, ...]:
    found = [_Section()]
    for token in _TOKEN.finditer(form[:500]):
        before, digits, after, percent = found[-1]
        text = token.group(token.lastgroup) if token.lastgroup else ""
        if token.lastgroup == "end":
            found.append(_Section())
        elif (token.lastgroup == "other" and text in "/@") or (token.lastgroup == "digits" and after.strip()):
            return (_Section(),)  # signs between digits ("000-00-0000", "0.00E+00") are not followed
        elif token.lastgroup == "digits":
            found[-1] = _Section(before, digits + text, after, percent)
        elif text:
            percent = percent or (token.lastgroup == "other" and text == "%")
            found[-1] = _Section(*((before, digits, after + text) if digits else (before + text, "", "")), percent)
    return tuple(found[:3])


def _number(number: float, section: _Section) -> str:
    digits = section.digits.rstrip(",")
    number /= 1000 ** (len(section.digits) - len(digits))  # "#,##0," shows thousands
    whole, _point, fraction = digits.partition(".")
    most = min(sum(sign in "0#?" for sign in fraction), _MAX_DECIMALS)
    least = min(fraction.count("0"), most)
    number *= 100 if section.percent else 1
    # Fifteen digits are what the cell knows; 0.285 is a little less in binary and shown as 0.29.
    text = f"{round(float(f'{number:.15g}') + number * 1e-16, most):{',' if ',' in whole else ''}.{most}f}"
    if most > least:
        text = (text[: least - most] + text[least - most :].rstrip("0")).rstrip("." if not least else "")
    return text.zfill(min(whole.count("0"), 30) + len(text) - len(text.partition(".")[0])) if "," not in whole else text
