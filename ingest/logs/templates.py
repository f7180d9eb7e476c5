"""Messages to templates: the one door to drain3 (P. He et al., Drain, ICWS 2017), with masking suited to logs.

Masking goes word by word and is remembered, as the words of a log repeat; a masked message that was seen before is
not matched again. Both make it several times as fast as drain3's own miner, and neither changes which template a
message gets. No state is kept on disk and no configuration file is read.
"""

import re
from array import array
from dataclasses import dataclass, field

import numpy as np

TEMPLATES_MAX = 20_000
"""Templates kept apart. Text without any structure would make one of nearly every line and exhaust the memory; what
comes after that many is counted under `OTHER`."""

OTHER = f"<*> (unlike the first {TEMPLATES_MAX:,} templates)"

MESSAGE_MAX = 4096  # characters of a message that are looked at: a template is known by its beginning
_CACHE_MAX = 200_000  # remembered words and messages, each; then the memory starts anew

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

    def variant(self, masked: str) -> Template:
        if self.mixed is None:
            if masked in self.variants or len(self.variants) < _VARIANTS_MAX:
                return self.variants.setdefault(masked, Template(masked))
            self.mixed = _union("", list(self.variants.values()))
            for variant in self.variants.values():  # whoever remembers a variant now counts into the mixture
                variant.merged_into = self.mixed
            self.variants = {}
        return self.mixed


class Templates:
    """Grows templates from a stream of messages."""

    def __init__(self) -> None:
        # Imported here, at its one door: it costs 0.1 s and only logs need it.
        from drain3.drain import Drain

        self._drain = Drain(sim_th=_SIMILARITY, depth=_DEPTH, max_children=_CHILDREN, param_str=ANY)
        self._words: dict[str, str] = {}
        self._seen: dict[str, Template] = {}  # masked message: its template
        self._mined: dict[int, _Cluster] = {}  # drain's cluster id: the messages in it
        self._named: dict[str, Template] = {}  # templates that came ready-made

    def add(self, message: str, line: int, *, ready: bool) -> None:
        """Count a message of the event that begins on `line`. `ready`: the message is a template already."""
        template = self._ready(message) if ready else self._mine(message)
        template.count += 1
        if not template.lines or template.lines[-1] != line:
            template.lines.append(line)

    def result(self) -> list[Template]:
        """All templates, most frequent first, then by pattern. Those that grew into the same pattern are one."""
        parts: dict[str, list[Template]] = {}
        patterns = {cluster.cluster_id: cluster.get_template() for cluster in self._drain.clusters}
        for cluster_id, cluster in self._mined.items():
            if cluster.mixed is not None:
                parts.setdefault(patterns[cluster_id], []).append(cluster.mixed)
            else:
                for group in _split(list(cluster.variants.values())):
                    parts.setdefault(_common([member.pattern for member in group]), []).extend(group)
        for pattern, template in self._named.items():
            parts.setdefault(pattern, []).append(template)
        merged = [_union(pattern or EMPTY, members) for pattern, members in parts.items()]
        return sorted(merged, key=lambda template: (-template.count, template.pattern))

    def mask(self, message: str) -> str:
        """The message with its variables replaced by `<*>`."""
        words = self._words
        masked = []
        if " bytes (" in message or " sec" in message:
            message = _MEASURES.sub(r"\1\2", message)
        for word in message[:MESSAGE_MAX].split():
            known = words.get(word)
            if known is None:
                known = _mask_word(word)
                if len(words) >= _CACHE_MAX:
                    words.clear()
                words[word] = known
            masked.append(known)
        return " ".join(masked)

    def _ready(self, message: str) -> Template:
        template = self._named.get(message)
        if template is None:
            if len(self._named) >= TEMPLATES_MAX:
                message = OTHER
            template = self._named.setdefault(message, Template(message))
        return template

    def _mine(self, message: str) -> Template:
        masked = self.mask(message)
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
            return self._named.setdefault(OTHER, Template(OTHER))
        cluster, _ = drain.add_log_message(masked)
        return self._mined.setdefault(cluster.cluster_id, _Cluster()).variant(masked)


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


def _union(pattern: str, members: list[Template]) -> Template:
    if len(members) == 1:
        return Template(pattern, members[0].count, members[0].lines)
    lines = np.unique(np.concatenate([np.frombuffer(member.lines, np.uint64) for member in members]))
    return Template(pattern, sum(member.count for member in members), array("Q", lines.tobytes()))


def _mask_word(word: str) -> str:
    if word.isalpha():
        return word
    for mask in _MASKS:
        word = mask.sub(ANY, word)
    return word
