"""Windows events as XML, as `wevtutil` and the Event Viewer write them, and as `.evtx` files are turned into (`evtx`).

The schema: https://learn.microsoft.com/windows/win32/wes/eventschema-schema. What the events of the Security log mean:
https://learn.microsoft.com/windows/security/threat-protection/auditing/. A file may hold one event a line, all on one
line, or each over many lines.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from ingest.logs.events import Event, Ledger, Outcome
from ingest.logs.lines import Text
from ingest.logs.mapping import Mapper

EVENT_MAX = 1 << 22  # characters of one event; real ones have a few thousand, a script block 32,768

_BEGIN = re.compile(r"<Event[\s>]")
_END = "</Event>"
_HEAD = re.compile(r"(?:\s|<\?xml[^>]*\?>|<!--.*?-->|<Events[^>]*>)*<Event[\s>]", re.DOTALL)

_AUDIT_FAILURE = 0x10000000000000
_AUDIT_SUCCESS = 0x20000000000000
"""Bits of System.Keywords."""

_OF_TARGET = frozenset(("login", "logout", "authenticate", "kerberos authentication", "request kerberos ticket"))
"""Actions whose actor is the account that they are about; the subject is the machine that saw them."""

_LEVELS = {"1": "critical", "2": "error", "3": "warning", "4": "info", "5": "debug"}


def _table(text: str) -> dict[tuple[str, int], str]:
    """{("security", 4624): "login"} of "security: 4624 login; …"."""
    found: dict[tuple[str, int], str] = {}
    channel = ""
    for row in re.split(r"[;\n]", text):
        named, colon, rest = row.rpartition(":")
        channel = named.strip() if colon else channel
        number, _, action = rest.strip().partition(" ")
        if number:
            found[channel, int(number)] = action
    return found


_ACTIONS = _table("""
    security: 4624 login; 4625 login; 4634 logout; 4647 logout; 4648 login with explicit credentials;
        4656 request handle; 4663 access object; 4670 change permissions; 4672 special rights at login;
        4688 start process; 4697 install service; 4698 create scheduled task; 4699 delete scheduled task;
        4700 enable scheduled task; 4702 update scheduled task; 4719 change audit policy; 4720 create user;
        4722 enable user; 4723 change password; 4724 reset password; 4725 disable user; 4726 delete user;
        4728 add group member; 4729 remove group member; 4732 add group member; 4733 remove group member;
        4735 change group; 4738 change user; 4739 change domain policy; 4740 lock account; 4756 add group member;
        4757 remove group member; 4767 unlock account; 4768 request kerberos ticket; 4769 request kerberos service;
        4771 kerberos authentication; 4776 authenticate; 4946 add firewall rule; 4948 delete firewall rule;
        4950 change firewall setting; 5025 stop firewall; 5136 modify directory object; 5140 access share;
        5145 check share access; 1102 clear audit log
    system: 104 clear log; 7034 service crash; 7036 service state; 7040 change service start; 7045 install service;
        6005 start event log; 6006 stop event log; 1074 shutdown
    sysmon: 1 start process; 3 network connection; 6 load driver; 7 load image; 8 create remote thread;
        10 access process; 11 create file; 12 registry object; 13 set registry value; 22 dns query; 23 delete file
    powershell: 4104 run script block; 4103 run command
""")
"""What the common events of a channel are: last word of the channel's name, number of the event."""


def is_windows(head: str) -> bool:
    """Whether a text begins as Windows events do."""
    return _HEAD.match(head.lstrip("\ufeff")) is not None


def read_windows(text: Text, ledger: Ledger) -> Iterator[Event]:
    """The events of a file. What stands around them carries no event and counts as unparsed."""
    mapper = Mapper()
    lines = _Lines(ledger)
    window = ""
    for chunk in text.chunks():
        window += chunk
        while True:
            begin = _BEGIN.search(window)
            if begin is None:
                keep = window.rfind("<")  # a tag that the chunk cuts
                cut = keep if keep >= 0 and len(window) - keep < len("<Event ") else len(window)
                lines.take(window[:cut], event=False)
                window = window[cut:]
                break
            lines.take(window[: begin.start()], event=False)
            window = window[begin.start() :]
            end = window.find(_END)
            if end < 0:
                if len(window) > EVENT_MAX:
                    ledger.note(f"An event on line {lines.number} does not end: it counts as unparsed.")
                    lines.take(window[:6], event=False)
                    window = window[6:]
                    continue
                break
            piece, window = window[: end + len(_END)], window[end + len(_END) :]
            first = lines.number
            record = _record(piece)
            lines.take(piece, event=record is not None)
            if record is None:
                ledger.note("Events that are no valid XML count as unparsed.")
                continue
            ledger.formats["windows"] += 1
            yield mapper.event(record, (first, lines.number), piece)
    lines.take(window, event=False)
    lines.finish()
    for note in mapper.notes():
        ledger.note(note)


class _Lines:
    """What became of each line, while the text goes by in pieces."""

    def __init__(self, ledger: Ledger) -> None:
        self.number = 1  # of the line that the next character is on
        self._ledger = ledger
        self._kind = ""  # of that line so far: "" nothing, " " blank, "x" text, "e" an event

    def take(self, piece: str, event: bool) -> None:
        """Go on by a piece of the text, which is an event or stands between events."""
        parts = piece.split("\n")
        for index, part in enumerate(parts):
            if index:
                self._end()
            if part and self._kind != "e":
                self._kind = "e" if event else "x" if part.strip(" \t\r\ufeff") else self._kind or " "

    def finish(self) -> None:
        """The text has ended."""
        if self._kind:
            self._end()
        self._ledger.lines = self.number - 1

    def _end(self) -> None:
        if self._kind == "e":
            self._ledger.event_lines += 1
        elif self._kind == "x":
            self._ledger.unparsed.append(self.number)
        else:
            self._ledger.blank_lines += 1
        self.number += 1
        self._kind = ""


def _record(piece: str) -> dict[str, object] | None:
    """The fields of an event; None if it is no valid XML. Inside an element no entity can be declared or expanded."""
    try:
        root = ElementTree.fromstring(piece)
    except (ElementTree.ParseError, ValueError):
        return None
    record: dict[str, object] = {_name(child.tag): _value(child) for child in root}
    system = record.get("System")
    if not isinstance(system, dict) or "Provider" not in system:
        return None
    number = system.get("EventID")
    if isinstance(number, dict):
        number = system["EventID"] = number.get("text")
    channel = str(system.get("Channel") or "")
    provider = system["Provider"].get("Name") if isinstance(system["Provider"], dict) else None
    record["level"] = _LEVELS.get(str(system.get("Level")))
    record["outcome"] = _outcome(system.get("Keywords"))
    action = record["action"] = _action(channel, str(provider or ""), str(number or ""))
    data = record.get("EventData")
    if action in _OF_TARGET and isinstance(data, dict):
        record["actor"] = data.get("TargetUserName")
    return record


def _name(tag: str) -> str:
    return tag.rpartition("}")[2]


def _value(element: ElementTree.Element) -> object:
    """Text, or a mapping of attributes and children. <Data Name="x"> is found under x, one without a name by number."""
    found: dict[str, object] = dict(element.attrib)
    for number, child in enumerate(element):
        name = child.get("Name") if _name(child.tag) == "Data" else _name(child.tag)
        if _name(child.tag) == "Data":
            found[name or f"Data{number}"] = (child.text or "").strip()
        else:
            found[name or f"Data{number}"] = _value(child)
    content = (element.text or "").strip()
    if not found:
        return content
    if content:
        found["text"] = content
    return found


def _outcome(keywords: object) -> str | None:
    try:
        bits = int(str(keywords), 16)
    except ValueError:
        return None
    return Outcome.FAILURE if bits & _AUDIT_FAILURE else Outcome.SUCCESS if bits & _AUDIT_SUCCESS else None


def _action(channel: str, provider: str, number: str) -> str:
    words = channel.lower()
    for name in ("security", "system", "sysmon", "powershell"):
        if name in words and number.isdigit() and (name, int(number)) in _ACTIONS:
            return _ACTIONS[name, int(number)]
    return f"{provider} {number}".strip()
