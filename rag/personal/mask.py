"""Personal data to placeholders: the same value has the same placeholder within one output, [EMAIL-1], [PHONE-2]."""

import re
from collections.abc import Collection, Sequence
from typing import Any

from rag.personal.find import Found, Kind, find
from rag.personal.phones import REGIONS

_LABELS: dict[Kind, str] = {
    "email": "EMAIL",
    "iban": "IBAN",
    "card": "CARD",
    "national-id": "ID",
    "birth": "BIRTH",
    "ip": "IP",
    "phone": "PHONE",
}
_SIGNS = re.compile(r"[^\w@.:+]")  # what may be written or left out without another value being meant


class Masker:
    """Masks texts of one output."""

    def __init__(self, regions: Sequence[str] = REGIONS) -> None:
        self._regions = regions
        self._known: dict[tuple[Kind, str], str] = {}

    @property
    def masked(self) -> int:
        """How many different values have been masked."""
        return len(self._known)

    def text(self, text: str) -> str:
        """`text` with placeholders."""
        parts, last = [], 0
        for found in find(text, self._regions):
            parts += [text[last : found.start], self._placeholder(found)]
            last = found.end
        return "".join([*parts, text[last:]])

    def json(self, value: Any, keep: Collection[str] = ()) -> Any:
        """A JSON value with every string and key masked, but for what stands below the keys to `keep`."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): inner if name in keep else self.json(inner, keep) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(inner, keep) for inner in value]
        return value

    def _placeholder(self, found: Found) -> str:
        key = found.kind, _SIGNS.sub("", found.value).lower()
        if found.kind == "phone":
            key = found.kind, re.sub(r"\D", "", found.value)
        if key not in self._known:
            number = sum(kind == found.kind for kind, _ in self._known) + 1
            self._known[key] = f"[{_LABELS[found.kind]}-{number}]"
        return self._known[key]


def shown(value: str) -> str:
    """A value that a person can recognise and nobody else can read: its first and its last two letters or digits."""
    places = [place for place, letter in enumerate(value) if letter.isalnum()]
    open_ = {*places[:1], *places[-2:]} if len(places) > 5 else set(places[:1])
    return "".join("•" if letter.isalnum() and place not in open_ else letter for place, letter in enumerate(value))
