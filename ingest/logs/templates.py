"""Messages to templates: the one door to drain3 (P. He et al., Drain, ICWS 2017), with masking suited to logs.

Masking goes word by word and is remembered, as the words of a log repeat; a masked message that was seen before is
not matched again. Both make it several times as fast as drain3's own miner, and neither changes which template a
message gets. No configuration file is read.

A masked message is a `Shape`. What `Templates` have counted can be taken out as shapes and put into others: that is how
pieces of a file, files of a batch and batches are joined, and the same shapes in the same order give the same
templates.
"""

import hashlib
import re
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest.logs.events import Event

TEMPLATES_MAX = 20_000
"""Templates kept apart. Text without any structure would make one of nearly every line and exhaust the memory; what
comes after that many is counted under `OTHER`."""

OTHER = f"<*> (unlike the first {TEMPLATES_MAX:,} templates)"

MESSAGE_MAX = 4096  # characters of a message that are looked at: a template is known by its beginning
_CACHE_MAX = 200_000  # remembered words and messages, each; then the memory starts anew

LINES_KEPT = 21
"""Line numbers of a template that are kept unless all are asked for: those that a report lists, and one to know that
there are more. All of them would take 8 bytes an event."""

_SIMILARITY = 0.4  # share of words in the same place that must agree
_DEPTH = 4  # drain's own default: the first word leads to the candidates
_CHILDREN = 100

_VARIANTS_MAX = 64  # masked messages of a cluster that are kept apart until the end
_WORDS_MAX = 6  # different plain words in one place that are taken for wording, not for values

ANY = "<*>"
EMPTY = "(empty)"

_PLAIN = re.compile(r"[^\d*]+\d?[^\w*]*$")  # a word; "SOCKS5" and "eth0" are words too
_UNITS = re.compile(r"\W*(?:[kKMGT]?i?B|n?s|ms|us|secs?|seconds?|min|minutes?|bytes?)\W*$")
_ANNOUNCES = re.compile(r"(?i)\W*(?:user|from|for|by|name|host)\W*$")
_MEASURES = re.compile(r"(\d bytes) \([\d.,]+ [KMGT]i?B\)|<?(\b\d+) sec\b")


@dataclass(slots=True)
class Template:
    """A pattern that messages have in common, and every place where it occurs."""

    pattern: str
    count: int = 0  # events
    lines: "array[int]" = field(default_factory=lambda: array("Q"))  # ascending, each once; the events' first lines
    merged_into: "Template | None" = None  # where to count instead, while templates grow

    @property
    def id(self) -> str:
        """A name that the same pattern has in every file and batch: 10 hex digits of its SHA-256."""
        return template_id(self.pattern)


@dataclass(frozen=True, slots=True)
class Shape:
    """A masked message and where it occurs: what templates are made of."""

    text: str
    ready: bool  # a template that came ready-made, which is not grouped with others
    count: int  # events
    lines: Sequence[int]  # ascending, each once; the first `LINES_KEPT` unless all were asked for


def template_id(pattern: str) -> str:
    """The name of a pattern."""
    return hashlib.sha256(pattern.encode(errors="surrogatepass")).hexdigest()[:10]


# The order matters: what is found first hides its digits from the rest.
_MASKS = (
    re.compile(r"(?<![\w.@/:-])(?:[a-z][a-z0-9-]*\.){2,}[A-Za-z][\w.-]*(?::\d+)?(?![\w(])"),  # host names, with a port
    re.compile(r"(?<![\w.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),  # e-mail
    re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"),  # UUID
    re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}(?![\w:])"),  # IPv6 and MAC addresses
    re.compile(r"/?(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])"),  # IPv4 with a port
    re.compile(r"(?<![\w/])(?:[A-Za-z]:)?(?:[/\\][\w.$%@+~*:-]+){2,}[/\\]?"),  # paths
    re.compile(r"\b0[xX][0-9a-fA-F]+\b"),
    re.compile(r"\b(?=[a-fA-F]*\d)[0-9a-fA-F]{6,}\b"),  # hashes and ids
    re.compile(r"(?<![A-Za-z])[+-]?\d[\d,.:/-]*(?<![,.:/-])(?=$|[^A-Za-z\d]|[A-Za-z]{1,2}\b)"),  # numbers, dates, times
)


@dataclass(slots=True)
class _Cluster:
    """A drain cluster with the masked messages in it, kept apart as long as they are few."""

    variants: dict[str, Template] = field(default_factory=dict)  # masked message: where it occurs
    mixed: Template | None = None  # all of them, once they are more than `_VARIANTS_MAX`

    def variant(self, masked: str, kept: int) -> Template:
        if self.mixed is None:
            if masked in self.variants or len(self.variants) < _VARIANTS_MAX:
                return self.variants.setdefault(masked, Template(masked))
            members = list(self.variants.values())
            self.mixed = Template("", sum(m.count for m in members), _first((m.lines for m in members), kept))
            for variant in self.variants.values():  # whoever remembers a variant now counts into the mixture
                variant.merged_into = self.mixed
            self.variants = {}
        return self.mixed


class Templates:
    """Grows templates from a stream of messages."""

    def __init__(self, *, every_line: bool = False) -> None:
        """`every_line`: keep all line numbers, not the first `LINES_KEPT`."""
        # Imported here, at its one door: it costs 0.1 s and only logs need it.
        from drain3.drain import Drain

        self._drain = Drain(sim_th=_SIMILARITY, depth=_DEPTH, max_children=_CHILDREN, param_str=ANY)
        self._words = _Words()
        self._seen: dict[str, Template] = {}  # masked message: its template
        self._mined: dict[int, _Cluster] = {}  # drain's cluster id: the messages in it
        self._named: dict[str, Template] = {}  # templates that came ready-made
        self._order: list[tuple[Template, bool]] = []  # (masked message, ready), in the order of first occurrence
        self._kept = sys.maxsize if every_line else LINES_KEPT

    def add(self, events: Iterable[Event]) -> None:
        """Count the messages of events."""
        kept, seen, mask = self._kept, self._seen, self.mask
        for event in events:
            if event.templated:
                template = self._ready(event.message)
            else:
                masked = mask(event.message)
                known = seen.get(masked)
                template = known if known is not None and known.merged_into is None else self._mine(masked)
            template.count += 1
            lines = template.lines
            if len(lines) < kept:
                line = event.lines[0]
                if not lines or lines[-1] != line:
                    lines.append(line)

    def put(self, shape: Shape) -> Template:
        """Count what others have counted. Returns where it went, for `pattern_of`."""
        template = self._ready(shape.text) if shape.ready else self._mine(shape.text)
        template.count += shape.count
        template.lines = _first([template.lines, shape.lines], self._kept)
        return template

    def shapes(self) -> list[Shape]:
        """What was counted, in the order of first occurrence. `put` in that order, it gives the same templates."""
        patterns = self._cluster_patterns()
        mixtures = {id(cluster.mixed): patterns[number] for number, cluster in self._mined.items() if cluster.mixed}
        shapes = []
        for template, ready in self._order:
            mixed = template.merged_into
            if mixed is None:
                shapes.append(Shape(template.pattern, ready, template.count, template.lines))
            elif (pattern := mixtures.pop(id(mixed), None)) is not None:  # in the place of the first of its messages
                shapes.append(Shape(pattern, False, mixed.count, mixed.lines))
        return shapes

    def result(self) -> list[Template]:
        """All templates, most frequent first, then by pattern. Those that grew into the same pattern are one."""
        return in_order(union(pattern, members, self._kept) for pattern, members in self._groups().items())

    def patterns(self, places: Iterable[Template]) -> list[str]:
        """The patterns that messages belong to now, by what `put` has returned."""
        names = {id(member): pattern for pattern, members in self._groups().items() for member in members}
        return [names[id(_end(place))] for place in places]

    def _groups(self) -> dict[str, list[Template]]:
        """Pattern: the masked messages that it stands for."""
        groups: dict[str, list[Template]] = {}
        patterns = self._cluster_patterns()
        for cluster_id, cluster in self._mined.items():
            if cluster.mixed is not None:
                groups.setdefault(patterns[cluster_id] or EMPTY, []).append(cluster.mixed)
            else:
                for group in _split(list(cluster.variants.values())):
                    groups.setdefault(_common([member.pattern for member in group]) or EMPTY, []).extend(group)
        for pattern, template in self._named.items():
            groups.setdefault(pattern or EMPTY, []).append(template)
        return groups

    def _cluster_patterns(self) -> dict[int, str]:
        return {cluster.cluster_id: cluster.get_template() for cluster in self._drain.clusters}

    def mask(self, message: str) -> str:
        """The message with its variables replaced by `<*>`."""
        if " bytes (" in message or " sec" in message:
            message = _MEASURES.sub(r"\1\2", message)
        return " ".join(map(self._words.__getitem__, message[:MESSAGE_MAX].split()))

    def _ready(self, message: str) -> Template:
        template = self._named.get(message)
        if template is None:
            template = self._name(message if len(self._named) < TEMPLATES_MAX else OTHER)
        return template

    def _name(self, pattern: str) -> Template:
        template = self._named.get(pattern)
        if template is None:
            template = self._named[pattern] = Template(pattern)
            self._order.append((template, True))
        return template

    def _mine(self, masked: str) -> Template:
        template = self._seen.get(masked)
        if template is None:
            template = self._match(masked)
            if len(self._seen) >= _CACHE_MAX:
                self._seen.clear()
            self._seen[masked] = template
        elif template.merged_into is not None:
            template = self._seen[masked] = template.merged_into
        return template

    def _match(self, masked: str) -> Template:
        drain = self._drain
        full = drain.clusters_counter >= TEMPLATES_MAX
        if full and drain.tree_search(drain.root_node, masked.split(), _SIMILARITY, False) is None:
            return self._name(OTHER)
        cluster, _ = drain.add_log_message(masked)
        messages = self._mined.setdefault(cluster.cluster_id, _Cluster())
        new = masked not in messages.variants
        template = messages.variant(masked, self._kept)
        if new and template is not messages.mixed:
            self._order.append((template, False))
        return template


def in_order(templates: Iterable[Template]) -> list[Template]:
    """Most frequent first, then by pattern."""
    return sorted(templates, key=lambda template: (-template.count, template.pattern))


def union(pattern: str, members: Sequence[Template | Shape], most: int = sys.maxsize) -> Template:
    """One template of several that turned out to be the same, with the first `most` of their lines."""
    return Template(pattern, sum(member.count for member in members), _first((one.lines for one in members), most))


def _end(template: Template) -> Template:
    """Where a masked message is counted by now."""
    return template.merged_into or template


def _split(variants: list[Template]) -> list[list[Template]]:
    """Groups of variants that belong together.

    Drain takes every place where the messages of a cluster differ for a variable. But where only a few plain words
    take turns ("VM Paused", "VM Resumed") they say different things, and are kept apart, unless the word before
    announces a variable ("user", "from").
    """
    if len(variants) == 1:
        return [variants]
    columns = list(zip(*(variant.pattern.split() for variant in variants), strict=True))
    keys = [
        index
        for index, column in enumerate(columns)
        if 1 < len(set(column)) <= _WORDS_MAX
        and all(_PLAIN.match(word) for word in column)
        and not all(_UNITS.match(word) for word in column)
        and not (index and any(_ANNOUNCES.match(word) for word in columns[index - 1]))
    ]
    groups: dict[tuple[str, ...], list[Template]] = {}
    for row, variant in zip(zip(*columns, strict=True), variants, strict=True):
        groups.setdefault(tuple(row[index] for index in keys), []).append(variant)
    return list(groups.values())


def _common(patterns: list[str]) -> str:
    """The words that patterns of the same length share, `<*>` elsewhere."""
    columns = zip(*(pattern.split() for pattern in patterns), strict=True)
    return " ".join(column[0] if len(set(column)) == 1 else ANY for column in columns)


def _first(groups: Iterable[Sequence[int]], most: int) -> "array[int]":
    """The first `most` of several ascending sequences of line numbers, ascending, each once."""
    filled = [array("Q", lines) for lines in groups if lines]
    if len(filled) < 2:
        return filled[0][:most] if filled else array("Q")
    lines = np.unique(np.concatenate([np.frombuffer(group, np.uint64) for group in filled]))
    return array("Q", lines[:most].tobytes())


class _Words(dict[str, str]):
    """Words and what they are masked as; worked out when a word is asked for, and remembered."""

    def __missing__(self, word: str) -> str:
        masked = word
        if not word.isalpha():
            for mask in _MASKS:
                masked = mask.sub(ANY, masked)
        if len(self) >= _CACHE_MAX:
            self.clear()
        self[word] = masked
        return masked
