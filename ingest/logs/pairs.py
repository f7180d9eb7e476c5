"""CEF and LEEF: a header between bars, then pairs of keys and values. Alone on a line, or as the message of syslog.

CEF: ArcSight Common Event Format, implementation standard, version 26. LEEF: IBM QRadar Log Event Extended Format,
versions 1 and 2. Both escape with backslashes; in CEF values may hold blanks, so a pair ends where the next key begins.
"""

import re

from ingest.logs.events import Event
from ingest.logs.mapping import Mapper

_BAR = re.compile(r"(?<!\\)\|")
_KEY = re.compile(r"(?:^|(?<=\s))([\w.\[\]-]{1,100})=")
_ESCAPED = re.compile(r"\\([\\|=nr])")
_CEF_HEADER = ("cefVersion", "deviceVendor", "deviceProduct", "deviceVersion", "signatureId", "name", "cefSeverity")
_LEEF_HEADER = ("leefVersion", "deviceVendor", "deviceProduct", "deviceVersion", "leefEventId")


class Pairs:
    """Lines of CEF or LEEF."""

    def __init__(self, name: str) -> None:
        """`name`: "cef" or "leef"."""
        self.name = name
        self._begin = name.upper() + ":"
        self._mapper = Mapper()

    def parse(self, number: int, text: str) -> tuple[Event, ...] | None:
        """The line's event; None if this is no such line."""
        if not text.startswith(self._begin):
            return None
        record = pairs_of(text)
        return None if record is None else (self._mapper.event(record, (number, number), text),)

    def notes(self) -> list[str]:
        """What a reader must know about the times."""
        return self._mapper.notes()


def pairs_of(text: str) -> dict[str, object] | None:
    """The header and the pairs of a message in CEF or LEEF; None if it is neither."""
    kind, _, rest = text.partition(":")
    if kind == "CEF":
        parts = _BAR.split(rest, maxsplit=len(_CEF_HEADER))
        if len(parts) <= len(_CEF_HEADER):
            return None
        record = _header(_CEF_HEADER, parts)
        return record | _labelled(_spaced(parts[-1]))
    if kind == "LEEF":
        parts = _BAR.split(rest, maxsplit=len(_LEEF_HEADER))
        if len(parts) <= len(_LEEF_HEADER):
            return None
        pairs, delimiter = parts[-1], "\t"
        if parts[0].startswith("2"):
            named, bar, after = pairs.partition("|")
            if bar and "=" not in named:
                pairs, delimiter = after, _delimiter(named)
        return _header(_LEEF_HEADER, parts) | _delimited(pairs, delimiter)
    return None


def _header(names: tuple[str, ...], parts: list[str]) -> dict[str, object]:
    return {name: _plain(part) for name, part in zip(names, parts, strict=False)}


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), text).strip()


def _spaced(text: str) -> dict[str, object]:
    """CEF's extension: a value goes on to the last blank before the next key."""
    found = list(_KEY.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    return {match[1]: _plain(text[match.end() : end]) for match, end in zip(found, ends, strict=False)}


def _labelled(pairs: dict[str, object]) -> dict[str, object]:
    """CEF's custom fields under the names that they carry: cs1Label=Policy cs1=x gives Policy: x, too."""
    named = {
        str(label): pairs[key.removesuffix("Label")]
        for key, label in pairs.items()
        if key.endswith("Label") and label and key.removesuffix("Label") in pairs
    }
    return named | pairs


def _delimiter(named: str) -> str:
    """LEEF 2 names its delimiter as a character or as its hexadecimal number: ^, x5E, 0x09."""
    match = re.fullmatch(r"0?x([0-9A-Fa-f]{1,4})", named.strip())
    return chr(int(match[1], 16)) if match else named.strip() or "\t"


def _delimited(text: str, delimiter: str) -> dict[str, object]:
    pairs = (part.partition("=") for part in text.split(delimiter))
    return {key.strip(): value.strip() for key, equals, value in pairs if equals and key.strip()}
