"""Hosts on the user's own network, as `config.toml` may name them: "10.0.0.5:8000", "[fd00::5]:8000", "llm.lan:8443".

A name is looked up in the machine's hosts file, never by DNS: a question to a DNS server would itself leave the
machine, and its answer would decide where documents go. Addresses of the public internet are refused.
"""

import ipaddress
import re
from pathlib import Path

from ingest.errors import UsageError
from rag.guard.types import Host

HOSTS_FILE = Path("/etc/hosts")

_FORM = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})")


def parse(text: str, table: Path = HOSTS_FILE) -> Host:
    """The host that `text` names.

    Args:
        table: where names are looked up, in the form of hosts(5).

    Raises:
        UsageError: it is no host and port, its name is unknown here, or it lies on the public internet.
    """
    found = _FORM.fullmatch(text)
    port = int(found["port"]) if found else 0
    if found is None or not 0 < port < 1 << 16:
        raise UsageError(f"{text!r} in hosts of config.toml is no host and port; write it like 10.0.0.5:8000.")
    machine = found["six"] or found["name"]
    address = _literal(machine) or _listed(machine, table)
    if address is None:
        raise UsageError(
            f"{machine} is no address and does not stand in {table}; add it there, or name its address. DNS is not "
            "asked: that question would leave the machine."
        )
    if address.is_global or address.is_multicast:
        raise UsageError(
            f"{text} in hosts of config.toml is {address}, on the public internet; only hosts of your own network can "
            "be allowed."
        )
    return Host(text, str(address), port)


def _literal(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _listed(name: str, table: Path) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The first address of a name in a hosts file."""
    try:
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        if name.lower() in map(str.lower, names) and (found := _literal(address)):
            return found
    return None
