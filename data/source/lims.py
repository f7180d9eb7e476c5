"""Writes two weeks of the laboratory application's audit trail as CSV, with planted incidents.

People, patient numbers and results are invented. Normal work never breaks the rules: nobody authorises a result of
their own, and nobody amends an authorised one without withdrawing it, so that the planted incidents stand alone.
"""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from source.events import Entry, Incident, Log, assemble, days

NAME = "lims-audit.csv"
SEED = 20260303
HEADER = "timestamp,user,role,action,object,outcome,ip,detail"
TESTS = ("POTASSIUM", "SODIUM", "GLUCOSE", "CREATININE", "HAEMOGLOBIN", "INR", "TROPONIN", "TSH")

INCIDENTS = (
    Incident(
        "LI-1",
        "One account working at two sites at once",
        "shared-account",
        "high",
        "ahussain signed in at Kingsmere and six minutes later at Saltbridge, and both sessions worked in turn.",
    ),
    Incident(
        "LI-2",
        "Authorised results changed at night by one user",
        "night-amendments",
        "critical",
        "dkovac changed 14 authorised results between 01:00 and 04:00 without a reason and without withdrawing the "
        "reports.",
    ),
    Incident(
        "LI-3",
        "Results entered and authorised by the same person",
        "self-authorisation",
        "high",
        "rbeaumont authorised results of their own entry, which the separation of duties forbids.",
    ),
    Incident(
        "LI-4",
        "Audit trail switched off in the application",
        "logging-stopped",
        "critical",
        "The audit trail was switched off for 48 minutes late in the evening, and nothing was recorded until it was "
        "switched on again.",
    ),
    Incident(
        "LI-5",
        "Mass export of patient records",
        "mass-export",
        "high",
        "pwhitlow of the reception exported patient lists in twelve parts on a Friday evening, 4,812 records in all.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Person:
    """A user of the application; `ip` is the address of the usual workplace."""

    user: str
    role: str
    ip: str


SCIENTISTS = (
    _Person("ahussain", "scientist", "10.10.12.31"),
    _Person("rbeaumont", "scientist", "10.10.12.44"),
    _Person("dkovac", "scientist", "10.20.12.15"),
    _Person("lmarsden", "scientist", "10.20.12.18"),
    _Person("yokafor", "scientist", "10.30.12.9"),
)
ASSISTANTS = (
    _Person("tbriggs", "assistant", "10.10.13.5"),
    _Person("sferrer", "assistant", "10.10.13.6"),
    _Person("njoshi", "assistant", "10.20.13.7"),
)
OFFICE = (
    _Person("pwhitlow", "reception", "10.10.20.3"),
    _Person("cnolan", "reception", "10.20.20.4"),
)
ADMIN = _Person("mvoigt", "lims-admin", "10.10.4.90")


class _Writer:
    """Collects rows of the trail."""

    def __init__(self) -> None:
        self.rng = random.Random(SEED)
        self.entries: list[Entry] = []

    def add(
        self,
        at: datetime,
        person: _Person,
        action: str,
        thing: str,
        *incidents: str,
        outcome: str = "success",
        ip: str = "",
        detail: str = "",
    ) -> None:
        """Append one row; quoting follows RFC 4180."""
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="").writerow(
            (
                at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                person.user,
                person.role,
                action,
                thing,
                outcome,
                ip or person.ip,
                detail,
            )
        )
        self.entries.append(Entry(at, buffer.getvalue(), incidents))

    def result(self) -> str:
        """Return the name of a result, such as R-2604418/POTASSIUM."""
        return f"R-26{self.rng.randrange(10000, 99999)}/{self.rng.choice(TESTS)}"

    def patient(self) -> str:
        """Return an invented patient number."""
        return f"P-{self.rng.randrange(100000, 999999)}"


def _shift(log: _Writer, person: _Person, start: datetime, hours: float) -> None:
    """One person's shift: sign-in, work, sign-out."""
    rng = log.rng
    if rng.random() < 0.07:
        log.add(start - timedelta(seconds=25), person, "LOGIN", "session", outcome="failure", detail="wrong password")
    log.add(start, person, "LOGIN", "session")
    minutes = int(hours * 60)
    for minute in sorted(rng.sample(range(3, minutes - 3), k=int(hours * 2.6))):
        at = start + timedelta(minutes=minute, seconds=rng.randrange(60))
        if person.role == "reception":
            action = rng.choice(("VIEW_PATIENT", "VIEW_PATIENT", "REGISTER_REQUEST", "PRINT_LABELS"))
            log.add(at, person, action, log.patient())
        elif rng.random() < 0.45:
            _cycle(log, person, at)
        else:
            log.add(at, person, rng.choice(("VIEW_RESULT", "VIEW_RESULT", "VIEW_PATIENT")), log.patient())
    log.add(start + timedelta(minutes=minutes), person, "LOGOUT", "session")


def _cycle(log: _Writer, person: _Person, at: datetime) -> None:
    """A result is entered by one person and authorised by another; now and then the first attempt is refused."""
    rng = log.rng
    result = log.result()
    value = f"{rng.uniform(2, 150):.1f}"
    log.add(at, person, "ENTER_RESULT", result, detail=f"value={value}")
    authoriser = rng.choice([other for other in SCIENTISTS if other.user != person.user])
    if rng.random() < 0.03:
        log.add(
            at + timedelta(minutes=1),
            person,
            "AUTHORISE_RESULT",
            result,
            outcome="denied",
            detail="delta check, repeat",
        )
    later = at + timedelta(minutes=rng.randrange(2, 20))
    log.add(later, authoriser, "AUTHORISE_RESULT", result, detail=f"value={value}")
    if rng.random() < 0.012 and 6 <= later.hour < 20:  # at night nobody amends, save in incident LI-2
        later += timedelta(minutes=12)
        log.add(later, authoriser, "WITHDRAW_REPORT", result, detail="reason=haemolysed sample; telephoned")
        log.add(later + timedelta(minutes=1), person, "AMEND_RESULT", result, detail="reason=haemolysed sample")


def _normal(log: _Writer, day: datetime) -> None:
    """A day of the laboratory: day shifts, one at night, interface and administration."""
    rng = log.rng
    weekend = day.weekday() >= 5
    for person in (*SCIENTISTS, *ASSISTANTS, *OFFICE):
        if weekend and rng.random() < 0.6:
            continue
        start = day + timedelta(hours=rng.choice((7, 7, 8, 9)), minutes=rng.randrange(50), seconds=rng.randrange(60))
        _shift(log, person, start, rng.uniform(6.5, 8))
    night = SCIENTISTS[2 + day.day % 3]
    _shift(log, night, day + timedelta(hours=22, minutes=3, seconds=rng.randrange(60)), 1.8)
    if not weekend:
        at = day + timedelta(hours=9, minutes=rng.randrange(59))
        log.add(at, ADMIN, "LOGIN", "session")
        log.add(at + timedelta(minutes=4), ADMIN, "CONFIG_CHANGE", "printer-queue", detail="queue=K-LAB-2 restarted")
        log.add(at + timedelta(minutes=30), ADMIN, "LOGOUT", "session")
        quality = _Person("sobafemi", "quality-manager", "10.10.5.12")
        records = rng.randrange(12, 90)
        log.add(
            day + timedelta(hours=16, minutes=rng.randrange(40)),
            quality,
            "EXPORT",
            "qc-monthly",
            detail=f"records={records}",
        )


def _incidents(log: _Writer) -> None:
    """The five planted incidents, in order of time."""
    rng = log.rng
    hussain, beaumont, kovac, whitlow = SCIENTISTS[0], SCIENTISTS[1], SCIENTISTS[2], OFFICE[0]

    at = datetime(2026, 3, 4, 19, 10, 20)
    log.add(at, hussain, "LOGIN", "session", "LI-1")
    log.add(at + timedelta(minutes=6), hussain, "LOGIN", "session", "LI-1", ip="10.20.12.60")
    for turn in range(10):
        ip = "10.20.12.60" if turn % 2 else hussain.ip
        log.add(at + timedelta(minutes=7 + 2 * turn, seconds=9), hussain, "VIEW_RESULT", log.patient(), "LI-1", ip=ip)
    log.add(at + timedelta(minutes=30), hussain, "LOGOUT", "session", ip="10.20.12.60")
    log.add(at + timedelta(minutes=52), hussain, "LOGOUT", "session")

    at = datetime(2026, 3, 6, 1, 4, 30)
    log.add(at, kovac, "LOGIN", "session")
    for _ in range(14):
        at += timedelta(minutes=rng.randrange(7, 13), seconds=rng.randrange(60))
        old, new = rng.uniform(6.6, 7.9), rng.uniform(4.1, 5.0)
        result = f"R-26{rng.randrange(10000, 99999)}/POTASSIUM"
        detail = f"status=authorised; old={old:.1f}; new={new:.1f}; reason="
        log.add(at, kovac, "AMEND_RESULT", result, "LI-2", detail=detail)
    log.add(at + timedelta(minutes=5), kovac, "LOGOUT", "session")

    at = datetime(2026, 3, 9, 12, 41, 0)
    for _ in range(3):
        result, value = log.result(), f"{rng.uniform(2, 150):.1f}"
        log.add(at, beaumont, "ENTER_RESULT", result, "LI-3", detail=f"value={value}")
        log.add(at + timedelta(seconds=50), beaumont, "AUTHORISE_RESULT", result, "LI-3", detail=f"value={value}")
        at += timedelta(minutes=rng.randrange(5, 15))

    off, on = "AUDIT_TRAIL enabled->disabled", "AUDIT_TRAIL disabled->enabled"
    log.add(datetime(2026, 3, 10, 22, 51, 12), ADMIN, "LOGIN", "session", ip="10.10.4.91")
    log.add(
        datetime(2026, 3, 10, 22, 58, 3), ADMIN, "CONFIG_CHANGE", "audit-trail", "LI-4", ip="10.10.4.91", detail=off
    )
    log.add(
        datetime(2026, 3, 10, 23, 46, 20), ADMIN, "CONFIG_CHANGE", "audit-trail", "LI-4", ip="10.10.4.91", detail=on
    )

    at = datetime(2026, 3, 13, 18, 38, 0)
    log.add(at, whitlow, "LOGIN", "session")
    for part in range(1, 13):
        at += timedelta(minutes=2, seconds=rng.randrange(40))
        log.add(at, whitlow, "EXPORT", "patient-list", "LI-5", detail=f"records=401; part={part} of 12; format=csv")
    log.add(at + timedelta(minutes=4), whitlow, "LOGOUT", "session")


def build() -> Log:
    """Return the two weeks' trail. While it is switched off (incident LI-4) nothing is recorded."""
    log = _Writer()
    for day in days(datetime(2026, 3, 2), 14):
        _normal(log, day)
    off, on = datetime(2026, 3, 10, 22, 58, 3), datetime(2026, 3, 10, 23, 46, 20)
    log.entries = [entry for entry in log.entries if not off <= entry.at <= on]
    _incidents(log)
    return assemble(NAME, log.entries, INCIDENTS, head=(HEADER,))
