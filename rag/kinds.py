"""The kinds of changes between two versions of a document, and how much each matters. Imports nothing."""

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """What kind of change it is. Of several, the first one here is a change's kind; the others are told, too."""

    OBLIGATION = "obligation"
    ADDED = "added"
    REMOVED = "removed"
    DEADLINE = "deadline"
    NUMBER = "number"
    ROLE = "role"
    SCOPE = "scope"
    DATE = "date"
    REFERENCE = "reference"
    NAME = "name"
    REWORDED = "reworded"
    HEADING = "heading"
    SPLIT = "split"
    MERGED = "merged"
    MOVED = "moved"
    RELAID = "relaid"


WEIGHT: Mapping[Kind, int] = {
    Kind.OBLIGATION: 100, Kind.DEADLINE: 85, Kind.NUMBER: 80, Kind.ROLE: 75, Kind.SCOPE: 70, Kind.ADDED: 60,
    Kind.REMOVED: 65, Kind.DATE: 55, Kind.NAME: 50, Kind.REFERENCE: 40, Kind.REWORDED: 30, Kind.HEADING: 15,
    Kind.SPLIT: 12, Kind.MERGED: 12, Kind.MOVED: 10, Kind.RELAID: 25,
}  # fmt: skip
"""How much a kind of change matters, 0..100: what somebody has to do before when and how much, that before who and
where, that before names and words. An order of ours, not a measurement."""
HIGH, MEDIUM = 70, 40  # least weights of the levels
SUBSTANCE = 20  # weight from which on a change may change what the document says
