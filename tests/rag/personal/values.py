"""Personal data of nobody, made by chance as each kind is written, for tests and for the benchmark.

Check digits are worked out here, not by the library that is tested.
"""

import random
from collections.abc import Callable

Make = Callable[[random.Random], str]


def digits(chance: random.Random, number: int) -> str:
    """So many digits, the first of them not 0."""
    return str(chance.randrange(10 ** (number - 1), 10**number))


def email(chance: random.Random) -> str:
    """An address below the domains that are kept for examples (RFC 2606)."""
    name = chance.choice(["ada", "j.doe", "m_lee", "info", "anna-maria", "o'neil", "x+billing"])
    return f"{name}{chance.choice(['', '7', '42'])}@{chance.choice(['example.org', 'mail.example.com', 'example.net'])}"


def phone(chance: random.Random) -> str:
    """A number in the writing of the United States, the United Kingdom, or with another country's code."""
    return chance.choice(
        [
            f"({chance.choice(['202', '212', '415', '617'])}) {chance.randrange(200, 999)}-{digits(chance, 4)}",
            f"{chance.choice(['202', '303', '512'])}-{chance.randrange(200, 999)}-{digits(chance, 4)}",
            f"020 7{digits(chance, 3)} {digits(chance, 4)}",
            f"+44 20 7{digits(chance, 3)} {digits(chance, 4)}",
            f"+49 30 {digits(chance, 6)}",
            f"+1 212 {chance.randrange(200, 999)} {digits(chance, 4)}",
            f"+33 1 {' '.join(digits(chance, 2) for _ in range(4))}",
        ]
    )


def iban(chance: random.Random) -> str:
    """German or British, with the check digits of ISO 7064, in groups or not."""
    country, body = chance.choice([("DE", digits(chance, 18)), ("GB", f"NWBK{digits(chance, 14)}")])
    number = int("".join(str(int(letter, 36)) for letter in f"{body}{country}00"))
    whole = f"{country}{98 - number % 97:02}{body}"
    grouped = " ".join(whole[start : start + 4] for start in range(0, len(whole), 4))
    return chance.choice([whole, grouped])


def card(chance: random.Random) -> str:
    """A payment card's number with its check digit (Luhn)."""
    body = chance.choice([f"4{digits(chance, 14)}", f"5{chance.randrange(1, 6)}{digits(chance, 13)}"])
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(body)]
    whole = body + str(-sum(value - 9 * (value > 9) for value in doubled) % 10)
    return chance.choice([whole, *(sign.join(whole[start : start + 4] for start in (0, 4, 8, 12)) for sign in " -")])


def ssn(chance: random.Random) -> str:
    """A number of the US social security, in its ranges."""
    return f"{chance.randrange(1, 666):03}-{chance.randrange(1, 100):02}-{chance.randrange(1, 10000):04}"


def nino(chance: random.Random) -> str:
    """A British national insurance number."""
    parts = [chance.choice(["AB", "CE", "JM", "WL"]), *(f"{chance.randrange(100):02}" for _ in range(3))]
    return chance.choice(["", " "]).join([*parts, chance.choice("ABCD")])


def nir(chance: random.Random) -> str:
    """A French social security number, with its key."""
    body = f"{chance.choice('12')}{chance.randrange(40, 99)}{chance.randrange(1, 13):02}75{digits(chance, 6)}"
    return f"{body}{97 - int(body) % 97:02}"


def ip(chance: random.Random) -> str:
    """An IP address, version 4 or 6."""
    return chance.choice(
        [
            f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}",
            f"203.0.113.{chance.randrange(1, 255)}",
            f"2001:db8::{chance.randrange(1, 65536):x}:{chance.randrange(1, 65536):x}",
            "2001:db8:" + ":".join(f"{chance.randrange(1, 65536):x}" for _ in range(6)),
        ]
    )


def birth(chance: random.Random) -> str:
    """A date, to stand behind "born on"."""
    day, month, year = chance.randrange(1, 29), chance.randrange(1, 13), chance.randrange(1930, 2010)
    names = "January February March April May June July August September October November December".split()
    return chance.choice(
        [
            f"{day} {names[month - 1]} {year}",
            f"{names[month - 1]} {day}, {year}",
            f"{year}-{month:02}-{day:02}",
            f"{day:02}/{month:02}/{year}",
        ]
    )


MAKERS: dict[str, tuple[Make, ...]] = {
    "email": (email,),
    "phone": (phone,),
    "iban": (iban,),
    "card": (card,),
    "national-id": (ssn, nino, nir),
    "ip": (ip,),
    "birth": (birth,),
}

SENTENCES = (
    "Please note {} for the file.",
    "The record shows {}, as agreed.",
    "Contact ({}) before Friday.",
    "See {}. It was checked on 2024-03-01.",
    "{}",
)


def sentence(kind: str, value: str, chance: random.Random) -> str:
    """A value as a document may hold it."""
    if kind == "birth":
        return chance.choice(["She was born on {}.", "Date of birth: {}", "DOB {} (verified)"]).format(value)
    return chance.choice(SENTENCES).format(value)
