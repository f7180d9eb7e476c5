"""National numbers of people: what they look like, and which check of python-stdnum decides (the one door to it).

A number stands here with its look alone where chance hardly meets look and check; where it does (ten plain digits with
one check digit), a word nearby has to say what it is. Numbers of companies are not personal data and not here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

NEAR = 40  # characters before a number in which the word that names it has to stand


@dataclass(frozen=True, slots=True)
class Identifier:
    """One country's number."""

    name: str  # module of python-stdnum below `stdnum`, or our own where it has none
    pattern: re.Pattern[str]
    context: re.Pattern[str] | None = None  # has to stand before it; None: its look is enough


def _row(name: str, pattern: str, context: str = "") -> Identifier:
    words = re.compile(rf"\b(?:{context})\b", re.I) if context else None
    return Identifier(name, re.compile(rf"(?<![\w.,/-])(?:{pattern})(?![\w/-]|[.,]\d)"), words)


NINO = "gb.nino"
_NINO_PREFIX = r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
# https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110; it has no check digit.

IDENTIFIERS = (
    _row("us.ssn", r"\d{3}-\d{2}-\d{4}"),
    _row("us.itin", r"9\d{2}-\d{2}-\d{4}"),
    _row(NINO, rf"{_NINO_PREFIX} ?\d{{2}} ?\d{{2}} ?\d{{2}} ?[A-D]"),
    _row("gb.nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "NHS"),
    _row("fr.nir", r"[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}"),
    _row("it.codicefiscale", r"[A-Z]{6}[\dL-NP-V]{2}[A-EHLMPRST][\dL-NP-V]{2}[A-Z][\dL-NP-V]{3}[A-Z]"),
    _row("be.nn", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}"),
    _row("se.personnummer", r"(?:\d{2})?\d{6}[-+]\d{4}", r"personnummer|personal (?:identity )?number|p\.?nr"),
    _row("fi.hetu", r"\d{6}[-+A]\d{3}[\dA-FHJ-NPR-Y]"),
    _row("ch.ssn", r"756\.\d{4}\.\d{4}\.\d{2}"),
    _row("br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}"),
    _row("es.nie", r"[XYZ]-?\d{7}-?[A-Z]"),
    _row("es.dni", r"\d{8}-?[A-Z]", "DNI|NIF"),
    _row("de.idnr", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", r"Steuer\S*|IdNr\.?|TIN|tax (?:id\w*|number)"),
    _row("pl.pesel", r"\d{11}", "PESEL"),
    _row("nl.bsn", r"\d{9}", r"BSN|burgerservicenummer"),
    _row("dk.cpr", r"\d{6}-?\d{4}", r"CPR\S*|personnummer"),
    _row("no.fodselsnummer", r"\d{6} ?\d{5}", r"fødselsnummer|personnummer|national identity number"),
    _row("at.vnr", r"\d{4} ?\d{6}", r"SVNR|Sozialversicherungsnummer|Versicherungsnummer"),
    _row("ie.pps", r"\d{7}[A-W][A-IW]?", r"PPSN?|PPS (?:no\.?|number)"),
    _row("ca.sin", r"\d{3}[ -]\d{3}[ -]\d{3}", r"SIN|social insurance(?: number)?"),
    _row("in_.aadhaar", r"\d{4} ?\d{4} ?\d{4}", r"aadhaar|UIDAI"),
)


def identifiers(text: str) -> Iterator[tuple[str, int, int]]:
    """`(name, start, end)` of every national number in a text."""
    for row in IDENTIFIERS:
        for match in row.pattern.finditer(text):
            near = row.context is None or row.context.search(text, max(match.start() - NEAR, 0), match.start())
            if near and (row.name == NINO or _check(row.name)(match.group())):
                yield row.name, match.start(), match.end()


def iban(text: str) -> bool:
    """Whether a text is an IBAN: its country's length, and the check digits of ISO 7064."""
    return _check("iban")(text)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of ISO/IEC 7812-1."""
    return _check("luhn")(digits)


@lru_cache
def _check(name: str) -> Callable[[str], bool]:
    # By name: there is one module for each country's number, and a document rarely has two.
    module: Any = import_module(f"stdnum.{name}")
    return lambda text: bool(module.is_valid(text))
