"""The words of questions about logs: what they ask for, and which words of a log they may stand for. Knows no log.

To teach a new word, add it to a row: of `SYNONYMS` where it names an action, of `OUTCOMES` where it says how it ended.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from ingest.logs.words import parts_of, stem, words_of

SYNONYMS = tuple(
    frozenset(row.split())
    for row in (
        "stop disable deactivate deactivation suspend suspension halt off shutdown exit exiting kill",
        "start enable activate activation boot on",
        "create creation add insert register new make",
        "delete deletion remove removal destroy erase drop purge wipe discard",
        "change modify modification update alter edit amend set put patch adjust",
        "read view get download open access fetch look",
        "grant give assign attach add",
        "approve authorise authorize authorisation authorization",
        "withdraw withdrew withdrawn recall",
        "login signin logon",
        "logout signout logoff",
        "move rename transfer",
        "share publish",
    )
)
"""Actions that people call by several names. Where a log has the very word that was asked, the others do not count."""

LOGS = tuple(
    frozenset(row.split())
    for row in (
        "aws amazon cloudtrail",
        "google workspace gsuite",
        "kubernetes k8s eks aks gke",
        "azure entra",
        "windows evtx",
    )
)
"""What logs are called, by the services that write them."""

OUTCOMES = {
    "success": "succeed succeeded success successful successfully accepted",
    "failure": "fail failed failure failures failing unsuccessful unsuccessfully",
    "denied": "deny denied denial denials refuse refused refusal refusals reject rejected forbidden blocked "
    "unauthorised unauthorized",
}
"""What the outcomes of events are called. A log-in that failed may count as failed or as denied."""

BAD = frozenset(("failure", "denied"))

FIELDS = {
    "actor": "who whom whose user users account accounts person persons people actor actors somebody someone anybody "
    "anyone employee employees colleague identity identities principal principals",
    "source": "address addresses ip ips source sources host hosts machine machines computer computers network networks "
    "place places",
    "object": "object objects resource resources target targets thing things",
    "action": "action actions activity activities operation operations",
    "error_code": "error errors",
}
"""Nouns that name a field of an event rather than one of its values."""

GENERIC = frozenset(
    """attempt attempts call calls entry entries event events item items line lines log logs message messages record
    records request requests system systems time times try tries command commands process processes address
    run ran runs running execute executed invoke invoked""".split()
) | frozenset(word for words in FIELDS.values() for word in words.split())
"""Words that say that it is about events. They narrow what is found where an action's name has them, else nothing."""

IDLE = frozenset(
    """a about active after all also altogether am an and any are as at be been before being between both but by came
    can cannot come could count did different distinct do does doing done during each earliest ever every find
    first for found from gave get give given go goes gone got had happen happened happening happens has have having
    he her his how i if in into is it its itself just kind last latest like list logged made make many may me more
    most much my name no not number occur occurred of often on once one only onto or other our ours out over
    overall own performed please record recorded report reported say see seen several shall she show since so some
    soon still such tell than that the their them then there these they this those through till to too took total
    tried under unique until unto up upon us use used using very was way we went were what when where which while
    who whom whose why will with within would you your""".split()
)
"""Words that carry no condition."""

NEGATION = re.compile(r"\b(?:not|never|without|except|nobody|none|neither|nor|n't|other than|no one)\b|n't\b")
_CANNOT = re.compile(r"\b(?:could|can) ?not?\b|\bcannot\b|\bnot responding\b|\bcould no\b")
BEYOND = re.compile(
    r"\b(?:why|how (?:long|much|quickly|fast|far|big|large|soon|old)|average|mean|median|percent(?:age)?|share|ratio|"
    r"longest|shortest|per (?:day|hour|week|minute)|more than|less than|at least|at most|compared?|yesterday|today|"
    r"tomorrow|recently|lately|weekend|(?:last|this|next|previous) (?:night|day|week|month|year|quarter))\b"
)
"""What would have to be worked out, or hangs on the day on which it is asked."""

DUTY = re.compile(
    r"\b(?:must|should|may|shall|might|ought|allowed|permitted|required|supposed|entitled|obliged|"
    r"(?:have|has|need|needs) to|can (?!not)|how (?:do|can|should) )"
)
"""What asks for a rule, not for what has happened."""

_IRREGULAR = frozenset(
    """began broke brought built came cut did drew fell found gave got grew held kept left lost made met put ran read
    saw sent set shut sold spoke stole swore threw took went withdrew woke won wrote gone given taken written
    stolen broken seen withdrawn chosen forgotten hidden""".split()
)
HAPPENED = re.compile(
    r"\b(?:did|was|were|has|have|had|happen(?:ed)?|ever)\b|\b\w{2,}ed\b|\b(?:" + "|".join(sorted(_IRREGULAR)) + r")\b"
)
"""What asks for what has happened."""

TRIED = re.compile(r"\b(?:try|tries|tried|trying|attempt(?:s|ed|ing)?|request(?:s|ed)?|called?|calls)\b")
"""What asks for what was tried, done or not."""

NAMED = re.compile(r"\b(?:logs?|audit trail|audit records?|events?|logged|log entries)\b")


def negated(text: str) -> bool:
    """Whether a question asks for what did not happen, which no event tells."""
    return bool(NEGATION.search(_CANNOT.sub(" ", text)))


@lru_cache(maxsize=4096)
def stems(word: str) -> tuple[str, ...]:
    """The stems of a word, apart at its capitals and signs: "AccessKey" is ("access", "key")."""
    return tuple(stem(part) for piece in words_of(word) for part in parts_of(piece))


@lru_cache(maxsize=4096)
def alike(word: str) -> frozenset[str]:
    """The stems of the other words for the same action."""
    mine = stem(word)
    rows = (row for row in SYNONYMS if mine in {stem(one) for one in row})
    return frozenset(stem(other) for row in rows for other in row) - {mine}


def is_verb(word: str) -> bool:
    """Whether a word says what was done, rather than to what."""
    return bool(alike(word)) or word in _IRREGULAR or (len(word) > 4 and word.endswith("ed"))


_OUTCOME = {word: outcome for outcome, words in OUTCOMES.items() for word in words.split()}
_FIELD = {word: field for field, words in FIELDS.items() for word in words.split()}


def outcome_of(word: str) -> str | None:
    """The outcome that a word names."""
    return _OUTCOME.get(word)


def field_of(noun: str) -> str | None:
    """The field that a noun names."""
    return _FIELD.get(noun)


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for in a log's text. In a line without `literal`, in any case, the pattern cannot fit."""

    literal: str  # lower case
    pattern: re.Pattern[str]

    def fits(self, text: str) -> bool:
        """Whether it stands in a text."""
        return self.literal in text.lower() and self.pattern.search(text) is not None


@lru_cache(maxsize=4096)
def in_text(word: str) -> Sought:
    """A word in any of its forms, by itself or as a part of a name such as "addStoredBlock"."""
    if word.isupper() or not word.isascii():
        return Sought(word.lower(), re.compile(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])"))
    if len(word) > 2 and word[:-1].isupper() and word.endswith("s"):
        return in_text(word[:-1])  # "VMs"
    word = word.lower()
    root = stem(word)
    least = root if len(root) > 2 else word
    more = r"[a-z]{0,5}" if len(least) > 3 else rf"(?:s|ed|ing|{re.escape(word.removeprefix(least))})?"
    alone = rf"(?<![A-Za-z])(?i:{re.escape(least)}{more})(?![a-z])"
    return Sought(least, re.compile(rf"{alone}|(?<=[a-z]){re.escape(least.capitalize())}{more}(?![a-z])"))


@lru_cache(maxsize=4096)
def as_name(name: str) -> Sought:
    """A name or an address as it was spelled, in any case, and not as a part of a longer one."""
    return Sought(name.lower(), re.compile(rf"(?<![\w@-])(?<!\w[.:])(?i:{re.escape(name)})(?![\w@-]|[.:]\w)"))
