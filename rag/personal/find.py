"""A text to the personal data in it, with exact places. By looks, check digits and words nearby.

Addresses of e-mail, telephone numbers, IBANs, payment cards, national numbers, IP addresses, and dates that a text says
somebody was born on; names of people where somebody knows them. What looks like two kinds is the first of them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from itertools import chain
from typing import Literal

from rag.personal.identifiers import iban, identifiers, luhn
from rag.personal.phones import REGIONS, phones

Kind = Literal["email", "iban", "card", "national-id", "birth", "ip", "phone", "name"]
KINDS: dict[Kind, tuple[str, str]] = {
    "email": ("e-mail address", "e-mail addresses"),
    "iban": ("IBAN", "IBANs"),
    "card": ("payment card", "payment cards"),
    "national-id": ("national number", "national numbers"),
    "birth": ("date of birth", "dates of birth"),
    "ip": ("IP address", "IP addresses"),
    "phone": ("telephone number", "telephone numbers"),
    "name": ("name of a person", "names of people"),
}
"""Every kind, in the order in which they go before each other, with its name for one and for many."""

_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-]|\.\w)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
# Issuers' first digits and lengths: https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)
_CARD = re.compile(
    r"(?<![\w.,-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|3\d{3}([ -])\d{6}\2\d{4,5})(?![\w-]|[.,]\d)"
)
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
)
_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.I)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = (
    rf"\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}[./-]\d{{1,2}}[./-](?:\d{{4}}|\d{{2}})|"
    rf"\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH},? \d{{4}}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
)
_BIRTH = re.compile(
    rf"\b(?:date of birth|birth ?date|D\.?O\.?B\b\.?|born(?: on)?)\W{{0,12}}(?P<date>{_DATE})(?!\w)", re.I
)
_SAYS_IP = re.compile(r"\bIP\b|\b(?:host|address|server|from|src|dst|client|peer)\b", re.I)
_SAYS_VERSION = re.compile(
    r"\b(?:v|ver|version|release|section|clause|chapter|paragraph|table|figure|part)\.?\s*$", re.I
)
_IP_NEAR = 20  # characters before an address in which a word may say that it is one, or that it is not
_OCTET = 40  # sections are numbered 4.2.1.3, versions 6.1.34.0; hardly one goes so far


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of personal data in a text."""

    kind: Kind
    start: int  # half-open code points
    end: int
    value: str  # as it stands there
    detail: str = ""  # of a national number: whose


People = Callable[[str], Iterable[tuple[int, int]]]
"""A text to where people are named in it, half-open code points."""


def find(text: str, regions: Sequence[str] = REGIONS, people: People = lambda _: ()) -> list[Found]:
    """All personal data in a text, in its order; no two overlap.

    Args:
        regions: countries (ISO 3166 codes) whose telephone numbers may stand without their country's code.
        people: knows names; by default nobody does, and none are found.
    """
    taken: list[Found] = []
    names = (_found("name", text, *span) for span in people(text))
    for found in chain(_candidates(text, regions), names):
        if all(found.end <= other.start or other.end <= found.start for other in taken):
            taken.append(found)
    return sorted(taken, key=lambda found: found.start)


def _candidates(text: str, regions: Sequence[str]) -> Iterator[Found]:
    """In the order of KINDS."""
    if "@" in text:
        yield from (_found("email", text, *match.span()) for match in _EMAIL.finditer(text))
    yield from _ibans(text)
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if _ISSUER.fullmatch(digits) and luhn(digits):
            yield _found("card", text, *match.span())
    for name, start, end in identifiers(text):
        yield _found("national-id", text, start, end, name)
    yield from (_found("birth", text, *match.span("date")) for match in _BIRTH.finditer(text))
    yield from _addresses(text)
    yield from (_found("phone", text, *span) for span in phones(text, regions))


def _found(kind: Kind, text: str, start: int, end: int, detail: str = "") -> Found:
    return Found(kind, start, end, text[start:end], detail)


def _ibans(text: str) -> Iterator[Found]:
    for match in _IBAN.finditer(text):
        # What follows an IBAN may look like more of it: "GB29 NWBK 6016 1331 9268 19 BARCLAYS".
        for end in range(match.end(), match.start() + 14, -1):
            if text[end - 1] != " " and not text[end : end + 1].isalnum() and iban(text[match.start() : end]):
                yield _found("iban", text, match.start(), end)
                break


def _addresses(text: str) -> Iterator[Found]:
    for match in _IPV4.finditer(text):
        before = text[max(match.start() - _IP_NEAR, 0) : match.start()]
        octets = list(map(int, match.group().split(".")))
        if max(octets) > 255 or _SAYS_VERSION.search(before):
            continue
        address = IPv4Address(".".join(map(str, octets)))
        nobody = address.is_loopback or address.is_unspecified or address.is_multicast or octets[0] == 255
        if not nobody and (address.is_private or max(octets) > _OCTET or _SAYS_IP.search(before)):
            yield _found("ip", text, *match.span())
    for match in _IPV6.finditer(text):
        groups = [group for group in match.group().split(":") if group]
        if len(groups) < 3 or not any(letter.isdigit() for letter in match.group()):
            continue
        try:
            address6 = IPv6Address(match.group())
        except AddressValueError:
            continue
        if not address6.is_loopback:
            yield _found("ip", text, *match.span())
