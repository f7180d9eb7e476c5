"""A follow-up as a question that stands alone: "And by whom?" is asked of what was asked before it.

By the words of the two questions alone, never by a model, and what comes of it is shown. Nothing of an answer is taken
over: what was answered wrongly would lead the next answer astray. Three things are done, in this order:

    "And badge records?"       a fragment takes a place in the question before:   How long are badge records kept?
    "Who approves it?"         what points back is named:                         Who approves work from abroad?
    "And how often reviewed?"  what leaves its topic out is given it behind:      ... (legal hold)?
"""

import re

from rag.query import STOPWORDS
from rag.stems import stems, topic_words

OWN = 3  # topic words before a word that points back; with more of them it points to one of these
FEW = 1  # topic words; a question with no more of them leaves its topic to the question before

_OPENING = re.compile(
    r"^(?:(?:and|or|but|also|then|so|ok|okay|what about|how about|what if|what|same for|the same for|otherwise|else)"
    r"\b[,:]?\s*)+(?=\S)",
    re.I,
)
_JOINS = re.compile(r"^(?:and|or|but|also|then|so|what about|how about|what if|same for|the same for)\b", re.I)
_ASKS = (
    r"(?:(?:by|to|for|from|with|of|up to|within|after|before|until|since|in|at|on|under|than)\s+)?"
    r"(?:who|whom|whose|what|which|when|where|why|how)\b"
)
_MAY = r"(?:must|may|might|can|could|shall|should|will|would|do|does|did|is|are|was|were|has|have|had)"
_WHOLE = re.compile(rf"^(?:{_ASKS}|{_MAY}\b)", re.I)  # how a question begins, and a fragment does not
# What is asked for, up to the verb that helps: "How many days a year may", "Who", "By when must".
_FRAME = re.compile(rf"^(?:{_ASKS}(?:\s+(?!{_MAY}\b)[\w-]+){{0,8}}?\s+)?{_MAY}\s+", re.I)
_WHO_DOES = re.compile(r"^(?:who|what)\s+(?!" + _MAY + r"\b)\w+s\s+", re.I)  # "Who reviews", "What happens"
_PARTICIPLE = r"(?:\w+ed|kept|held|done|sent|paid|made|given|taken|told|met|put|found|written|shown|set|left|lost|read)"
# "an incident be reported to …", "incident tickets kept": what something is done to, and what is done.
_DONE = re.compile(
    r"^(?P<what>.+?)\s+(?P<done>be(?:en)?\s+(?:\w+ly\s+)?\w+.*|"
    rf"{_PARTICIPLE}(?:\s+(?:for|to|by|in|at|on|within|after|before|from|with|if|when|again)\b.*)?)$",
    re.I,
)
_IDLE = re.compile(r"\s+(?:have|has|meet|mean|say|work|apply|need|cost)$", re.I)  # verbs that end a question
_SELF = re.compile(r"^(?:I|we|you|one|somebody|someone|people|staff)\s+", re.I)

_PLACES = frozenset("in at within outside inside abroad elsewhere from over under near on".split())
_LEADS = re.compile(
    r"^(?:for|of|to|by|with|without|after|before|during|between|against|if|when|where|because|at|in|within|outside|"
    r"inside|abroad|elsewhere|from|over|under|on|near)\b",
    re.I,
)
_TAIL = re.compile(
    r"\s+(?P<lead>for|of|to|by|with|without|after|before|during|at|in|within|outside|inside|from|over|under|on)\s+"
    r"(?:(?!for|of|to|by|with|without|after|before|during|at|in|within|outside|inside|from|over|under|on)\S+\s*)"
    r"{1,5}$",
    re.I,
)
_ONE = re.compile(r"\bones?$", re.I)
_WHO_MAY = re.compile(r"who\s+(?!is\b|are\b|was\b|were\b)", re.I)
_ASKED_BEHIND = re.compile(rf",\s*(?:{_ASKS}|{_MAY}\b)", re.I)  # "the requester, does she …"
_GIVEN = re.compile(r"\(([^()]+)\)$")  # what `_behind` has put there
_FIGURE = re.compile(r"\d[\d.,]*\d|\d")
_NAMELESS = re.compile(rf"{_MAY}|not", re.I)
_CLAUSE = re.compile(r"\s+(?:the|an?|all|no|every|each|I|we|you|they|he|she|it)\b", re.I)  # "say that the device …"
_NOUN_FOLLOWS = frozenset({"that", "this", "these", "those"})
_NOUN = re.compile(
    rf"\s+(?!(?:{_MAY}|{_PARTICIPLE}|be|for|to|of|by|with|in|on|at|too|as|there|again|then|or|and|if|when)\b)\w", re.I
)
_HERE = re.compile(r"\b(?:it|they|them|those|these|this one|that one|this|that|he|she|him|the latter|the same)\b", re.I)
_THEIRS = re.compile(r"\b(?:its|their|his|her)\b", re.I)
_EMPTY = re.compile(  # "is it allowed to …", "that it is true that …"
    r"(?:(?:(?<=\bis )|(?<=\bwas ))it|it\s+(?:is|was))\s+\w+\s+(?:to|that|for)\b", re.I
)
# Words that point back and cannot be replaced, since they stand for a place, a time or one of several things.
_POINTING = re.compile(
    r"\b(?:there|then|hers|theirs|another one|an?(?: \w+)? one|using one|the former)\b|\bone\W*$", re.I
)


def stand_alone(question: str, before: str | None) -> str:
    """`question` as it can be asked without the one before it; unchanged where it can be already.

    Args:
        before: the question before, as it was understood; None in the beginning.
    """
    if before is None:
        return question
    asked = " ".join(question.split())
    before = " ".join(before.split()).rstrip("?!. ")
    joined = bool(_JOINS.match(asked))
    opening = _OPENING.match(asked) if joined else None
    rest = asked[opening.end() :] if opening else asked
    if joined and not _WHOLE.match(rest) and not _ASKED_BEHIND.search(rest):
        return _placed(rest.rstrip("?!. "), before)
    understood = _named(rest, before)
    if understood != rest and _POINTING.search(rest):  # "searched there": by whom is named, where is not
        understood = _behind(understood, _topic(before))
    # "And how often is the hold reviewed?" has words of its own, but leans on what was asked, too.
    if understood == rest and (joined or _POINTING.search(rest) or len(set(topic_words(rest))) <= FEW):
        understood = _behind(rest, _topic(before))
    return question if understood == rest else understood[:1].upper() + understood[1:]


def _placed(fragment: str, before: str) -> str:
    """A fragment in the place of what it stands for in the question before, or behind it where that is not told."""
    frame = _FRAME.match(before) or _WHO_DOES.match(before)
    topic = before[frame.end() :] if frame else before
    lead = fragment.split()[0]
    figures, new = _FIGURE.findall(before), _FIGURE.findall(fragment)
    if len(figures) == len(new) == 1 and len(topic_words(fragment)) <= 2:  # "for 20,000", "Severity 2"
        return f"{_FIGURE.sub(new[0], before)}?"
    if _LEADS.match(fragment):
        tail = _TAIL.search(before)
        same = tail and (tail["lead"].lower() == lead.lower() or {tail["lead"].lower(), lead.lower()} <= _PLACES)
        if tail and same:
            return f"{before[: tail.start()]} {_ONE.sub(tail.group().split()[-1], fragment)}?"
        return f"{before} {fragment}?"
    alike = re.search(rf"\b{re.escape(lead)}\s+\S+", before, re.I)
    if alike and lead.lower() not in STOPWORDS:  # "Tier B" for "a tier A supplier"
        return f"{before[: alike.start()]}{fragment}{before[alike.end() :]}?"
    if frame and (done := _DONE.match(topic)):
        return f"{before[: frame.end()]}{_ONE.sub(done['what'].split()[-1], fragment)} {done['done']}?"
    if frame and frame.re is _WHO_DOES:
        return f"{before[: frame.end()]}{fragment}?"
    return f"{before}, {fragment}?"


def _named(asked: str, before: str) -> str:
    """The question with the first word that points back replaced by what it points to, or with that in brackets."""
    for pattern, ending in ((_THEIRS, "'s"), (_HERE, "")):
        for found in pattern.finditer(asked):
            after = asked[found.end() :]
            # Where things are named before it in the question itself, it stands for one of those.
            if _EMPTY.match(asked, found.start()) or len(_things(asked[: found.start()])) > OWN:
                continue
            if found.group().lower() == "that" and _CLAUSE.match(after):
                continue
            # "that recording" has its noun; what somebody does has no name.
            named = found.group().lower() in _NOUN_FOLLOWS and _NOUN.match(after)
            thing = None if named else _thing(before)
            if thing is None:
                return _behind(asked, _topic(before))
            return f"{asked[: found.start()]}{thing}{ending}{after}"
    return asked


def _things(text: str) -> list[str]:
    """Topic words of `text` but for the modals and "not", which name nothing."""
    return [word for word in topic_words(text) if len(word) > 1 and not _NAMELESS.fullmatch(word)]


def _behind(asked: str, topic: str) -> str:
    """The question with its topic in brackets, unless it says all of that already."""
    if not set(stems(topic)) - set(stems(asked)):
        return asked
    return f"{asked.rstrip('?!. ')} ({topic})?"


def _topic(before: str) -> str:
    """What a question is about: all of it but what it asks for, or what it was given as its topic."""
    if given := _GIVEN.search(before):
        return given[1]
    frame = _FRAME.match(before) or _WHO_DOES.match(before)
    return _SELF.sub("", before[frame.end() :] if frame else before)


def _thing(before: str) -> str | None:
    """What a question is about where one word can stand for it: "an incident", "the emergency bastion"; else None."""
    frame = _FRAME.match(before) or _WHO_DOES.match(before)
    topic = _topic(before)
    if frame is None or _GIVEN.search(before) or _SELF.match(before[frame.end() :]):
        return None
    if frame.re is _FRAME and _WHO_MAY.match(frame.group()):
        topic = topic.partition(" ")[2]  # without the verb of "Who may open …"
    done = _DONE.match(topic)
    return _IDLE.sub("", done["what"] if done else topic) or None
