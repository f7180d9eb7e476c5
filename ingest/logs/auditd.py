"""Linux auditd: records `type=… msg=audit(time:serial): key=value …`, of which those with one serial are one event.

The records and their fields: https://github.com/linux-audit/audit-documentation/wiki. Values without quotation marks
that look like hexadecimal digits are text that held blanks or worse.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from ingest.logs.clock import from_epoch
from ingest.logs.events import Event, Outcome
from ingest.logs.mapping import clip

_LINE = re.compile(
    r"(?:node=(?P<node>\S+) )?type=(?P<type>[\w\[\]]+) msg=audit\((?P<time>\d+(?:\.\d+)?):(?P<serial>\d+)\): ?"
    r"(?P<rest>.*)",
    re.DOTALL,
)
_PAIR = re.compile(r"""([\w-]+)=("[^"]*"|'|[^\s'\x1d]+)""")
_ENCODED = frozenset("acct cmd comm cwd exe name proctitle data".split())
_UNSET = frozenset(("4294967295", "-1", "unset", "?", "(null)", "(none)", "(unknown)"))
_ARGUMENT = re.compile(r"a\d+$")

_ACTIONS: Mapping[str, str] = {
    "USER_LOGIN": "login",
    "USER_AUTH": "authenticate",
    "USER_ACCT": "account check",
    "USER_START": "open session",
    "USER_END": "close session",
    "USER_LOGOUT": "logout",
    "USER_CMD": "sudo",
    "USER_CHAUTHTOK": "change password",
    "USER_ROLE_CHANGE": "change role",
    "ADD_USER": "create user",
    "DEL_USER": "delete user",
    "ADD_GROUP": "create group",
    "DEL_GROUP": "delete group",
    "USER_MGMT": "change user",
    "GRP_MGMT": "change group member",
    "CONFIG_CHANGE": "change audit config",
    "DAEMON_START": "start audit daemon",
    "DAEMON_END": "stop audit daemon",
    "DAEMON_ABORT": "stop audit daemon",
    "SERVICE_START": "start service",
    "SERVICE_STOP": "stop service",
    "SYSTEM_BOOT": "boot",
    "SYSTEM_SHUTDOWN": "shutdown",
    "MAC_STATUS": "change selinux setting",
    "MAC_POLICY_LOAD": "change selinux policy",
    "AVC": "access check",
    "KERN_MODULE": "load kernel module",
}
"""What the records of one event are about; the first that is known names the event."""


class Auditd:
    """Records of auditd. One event goes over several lines."""

    name = "auditd"

    def parse(self, number: int, text: str) -> tuple[Event, ...] | None:
        """The line's event; None if this is no such line."""
        match = _LINE.match(text)
        if match is None:
            return None
        time = from_epoch(float(match["time"]))
        record: dict[str, object] = {"type": [match["type"]], "serial": match["serial"]}
        if match["node"]:
            record["node"] = match["node"]
        return (_event((number, number), time, record | _fields(match["rest"]), text),)

    def joined(self, before: Event, event: Event) -> Event | None:
        """Both as one event if they have one serial; None if they are two."""
        old, new = before.record, event.record
        if old is None or new is None or old.get("serial") != new.get("serial") or before.time != event.time:
            return None
        types = [*_types(old), *_types(new)]
        names = [value for fields in (old, new) for value in _listed(fields.get("name"))]
        record = {**new, **old, "type": types, **({"name": names} if names else {})}
        return _event((before.lines[0], event.lines[1]), before.time, record, f"{before.detail}\n{event.detail}")

    def notes(self) -> list[str]:
        """Nothing to add: the times are Unix times."""
        return []


def _types(record: Mapping[str, object]) -> list[str]:
    return [str(name) for name in _listed(record.get("type"))]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _fields(text: str) -> dict[str, object]:
    """The pairs of a record, those inside msg='…' among them; enriched ones (AUID="ann") count before numbers."""
    found: dict[str, object] = {}
    for key, value in _PAIR.findall(text.replace("msg='", "")):
        if value in ("'", ""):
            continue
        if value.startswith('"'):
            value = value[1:-1]
        elif key in _ENCODED or _ARGUMENT.match(key):
            value = _decoded(value)
        if value not in _UNSET:
            found.setdefault(key, value)
    return found


def _decoded(value: str) -> str:
    if len(value) % 2 or len(value) < 4 or not re.fullmatch(r"[0-9A-F]+", value):
        return value
    return bytes.fromhex(value).decode("utf-8", errors="replace").replace("\0", " ").strip()


def _event(lines: tuple[int, int], time: datetime | None, record: dict[str, object], text: str) -> Event:
    def first(*names: str) -> str | None:
        for name in names:
            for value in _listed(record.get(name)):
                if value:
                    return clip(str(value))
        return None

    types = _types(record)
    action = next((_ACTIONS[name] for name in types if name in _ACTIONS), None)
    if action is None and any(name.startswith(("ANOM_", "RESP_")) for name in types):
        action = "anomaly " + types[0].removeprefix("ANOM_").replace("_", " ").lower()
    if action is None and "EXECVE" in types:
        action = "execute"
    action = action or first("key", "SYSCALL", "op", "syscall") or types[0].lower()
    command = " ".join(str(record[name]) for name in sorted(filter(_ARGUMENT.match, record), key=lambda n: int(n[1:])))
    if "EXECVE" not in types:
        command = ""
    result = (first("res", "success") or "").lower()
    outcome = {"success": Outcome.SUCCESS, "yes": Outcome.SUCCESS, "1": Outcome.SUCCESS, "failed": Outcome.FAILURE,
               "no": Outcome.FAILURE, "0": Outcome.FAILURE}.get(result)  # fmt: skip
    code = first("exit") if outcome == Outcome.FAILURE else None
    if code in ("-13", "-1", "EACCES", "EPERM"):  # errno: permission denied, operation not permitted
        outcome = Outcome.DENIED
    account = first("acct")
    person = first("AUID", "auid", "UID", "uid")
    actor = person if action.endswith(" user") else account or person  # who makes an account is not the account
    return Event(
        lines,
        time,
        actor,
        action,
        clip(command)
        if command
        else first("cmd", "name", "id", "unit") or (account if account != actor else first("exe")),
        outcome,
        first("addr", "hostname", "laddr"),
        code,
        f"{'+'.join(dict.fromkeys(types))} {action} {first('exe') or ''} {outcome or ''}".strip(),
        True,
        None,
        text,
        first("op", "key") or "",
        record,
    )
