"""What a deed is, by the words of its action: a log-in, a read, an entry, a change, an approval; and from which place.

Knows no event; whatever is asked of the same words again is remembered.
"""

import ipaddress
import re
from functools import lru_cache

from ingest.logs.events import TRIED, Outcome
from ingest.logs.words import words_of

_LOGIN = frozenset("login logon logins signin authentication authenticate auth".split())
_NOT_LOGIN = frozenset("logout logoff signout create update delete policy settings profile mfa factor config".split())
_FAILED = frozenset("failed failure fail denied invalid wrong incorrect".split())
TAKE = frozenset("export exported download downloaded extract extracted dump print printed copy copied".split())
_READ = frozenset("read view viewed open opened query select fetch access accessed search".split()) | TAKE

_APPROVE = frozenset(
    "approve approved authorise authorised authorize authorized sign signed release released finalise finalised "
    "finalize finalized lock locked certify certified verify verified".split()
)
_ALTER = frozenset(
    "edit edited modify modified update updated change changed amend amended alter altered overwrite overwritten "
    "correct corrected delete deleted revise revised reopen reopened unlock unlocked".split()
)
_ENTER = frozenset("enter entered create created submit submitted add added record recorded draft prepare".split())
_ACCESS = frozenset("in security ingress egress access key token session url policy user login".split())
"""Words beside which "authorize" or "sign" is about access, not about a record."""

_APPROVED = re.compile(
    r"(?i)\b(?:status|state)\b\W{1,5}(?:approved|authori[sz]ed|signed|released|finali[sz]ed|final|locked|certified)\b"
)


@lru_cache(maxsize=8192)
def login(action: str | None, outcome: str | None) -> bool | None:
    """Whether an event is a log-in that succeeded (True) or failed (False); None if it is no log-in."""
    words = set(words_of(action or ""))
    joined = " ".join(words_of(action or ""))
    is_login = not words.isdisjoint(_LOGIN) or "log in" in joined or "sign in" in joined
    if not is_login or not words.isdisjoint(_NOT_LOGIN):
        return None
    if outcome in TRIED or not words.isdisjoint(_FAILED):
        return False
    return True if outcome in (Outcome.SUCCESS, None) else None


@lru_cache(maxsize=8192)
def reads(action: str) -> bool:
    """Whether an action reads or takes something."""
    words = set(words_of(action))
    return not words.isdisjoint(_READ) or {"get", "object"} <= words


@lru_cache(maxsize=8192)
def place_of(source: str) -> str | None:
    """The network an address belongs to, wide enough that one site is one place; None for what is no address."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified or address.is_link_local:
        return None
    return str(ipaddress.ip_network(f"{address}/{16 if address.version == 4 else 32}", strict=False))


@lru_cache(maxsize=8192)
def inside(place: str) -> bool:
    """Whether a place lies in a network that no stranger can use."""
    address = ipaddress.ip_network(place).network_address
    return any(address.version == network.version and address in network for network in _INTERNAL)


_INTERNAL = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)


@lru_cache(maxsize=8192)
def of_record(action: str | None, outcome: str | None) -> str | None:
    """`approve`, `alter` or `enter` for what has been done to a record."""
    if action is None or outcome in TRIED:
        return None
    words = set(words_of(action))
    for kind, verbs in (("approve", _APPROVE), ("alter", _ALTER), ("enter", _ENTER)):
        if not words.isdisjoint(verbs):
            return kind if words.isdisjoint(_ACCESS) else None
    return None


def says_approved(text: str) -> bool:
    """Whether a record says that its object has been approved."""
    return _APPROVED.search(text) is not None
