"""The words of an action, so that one rule reads "DeleteTrail", "trail.deleted" and "LOGGING/TRAILS/DELETE" alike.

Three steps: apart at capitals and punctuation; run-together names into their parts; endings off. Knows no rule.
"""

import re
from functools import lru_cache

_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_VERSION = re.compile(r"(?<=[a-z])20\d{6}(?:v\d+)?$|(?<=[a-z])20\d{4,6}(?: ?v\d+)?$")  # "CreateFunction20150331v2"
_WORD = re.compile(r"[a-z0-9]+")

TEXT_MAX = 400  # characters whose words are looked at; what happened is said in the first sentence

_PARTS = frozenset(
    """access account accounts action actions activity add address admin administrator alert alerts all allow api app
    application audit auth authentication authorization automation backup bastion binding blob block branch bucket
    capture certificate channel client cloud cluster code collection command config configuration connection connector
    container control create credential data database delete deleted deployment device diagnostic directory disable
    disabled disk domain enable enabled encryption endpoint event export external factor file filter firewall flow
    forward forwarding function gateway global grant group groups guest hook hub identity image import instance
    integration invitation invite job key keys launch link list lock log logging login logs mail managed management
    member members metric mfa monitor namespace network node notification object organization owner packet password path
    peering permission permissions plan point policies policy pool port principal private privilege process profile
    project protected protection provider proxy public push queue read record recovery registration registry remote
    remove repo repository request reset resource restore retention revoke role roles root route rule rules saml scan
    scanning schedule scope script secret secrets security server service session setting settings share sharing sign
    signing single site snapshot source sso storage stream subnet subscription support suspend system table target task
    team template tenant test threat token tokens topic transfer trail trust tunnel update updated user users vault
    virtual machine machines volume vpn watcher web webhook work workflow workspace write zone""".split()
)
"""Parts of the run-together names that programs give to things: "networksecuritygroups", "deleteuser"."""

_ENDINGS = ("ications", "ication", "itions", "ition", "ations", "ation", "ions", "ion", "ings", "ing", "ied", "ies",
            "ed", "es", "als", "al", "s", "e", "y")  # fmt: skip
_STEM_LEAST = 3  # letters that an ending leaves
_IRREGULAR = {
    "creation": "creat",
    "settings": "setting",
    "setting": "setting",
    "logging": "logging",
    "suspension": "suspend",
    "use": "use",
    "used": "use",
    "uses": "use",
    "exemption": "exempt",
    "application": "application",
    "applications": "application",
}
"""Where the rule would be wrong: a setting is no "set", and logging is what can be stopped, a log what is read."""


@lru_cache(maxsize=8192)
def words_of(action: str) -> tuple[str, ...]:
    """The words of an action, lower case: "DeleteTrail", "delete_trail" and "Delete trail" are ("delete", "trail")."""
    return tuple(_WORD.findall(_VERSION.sub("", _CAPITALS.sub(" ", action)).lower()))


@lru_cache(maxsize=8192)
def stems_of(text: str) -> str:
    """The stems of a text's words with a blank before and behind each, so that a phrase is found as a substring."""
    parts = (part for word in words_of(text[:TEXT_MAX]) for part in parts_of(word))
    return f" {' '.join(map(stem, parts))} "


@lru_cache(maxsize=8192)
def parts_of(word: str) -> tuple[str, ...]:
    """The parts of a run-together word: "resourcegroups" is ("resource", "groups"); any other word is itself alone."""
    if len(word) < 7 or word in _PARTS:
        return (word,)
    best: list[tuple[str, ...] | None] = [(), *([None] * len(word))]  # best[n]: fewest parts of the first n letters
    for end in range(3, len(word) + 1):
        for begin in range(max(0, end - 16), end - 2):
            before, part = best[begin], word[begin:end]
            if before is None or not (part in _PARTS or (part[-1] == "s" and part[:-1] in _PARTS)):
                continue
            known = best[end]
            if known is None or len(before) + 1 < len(known):
                best[end] = (*before, part)
    return best[-1] or (word,)


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A word without its ending: deleted, deletes, deleting and deletion are all "delet"."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ss"):
        return word
    for ending in _ENDINGS:
        rest = word.removesuffix(ending)
        if rest == word or len(rest) < _STEM_LEAST or (ending == "y" and rest[-1] in "aeiou"):
            continue
        if ending in ("ed", "ing", "ings") and rest[-1] == rest[-2] and rest[-1] not in "ls" and len(rest) > 3:
            rest = rest[:-1]  # stopped, stop
        return rest
    return word
