"""Are the numbers in summaries of logs those that were counted? Sentence by sentence, against the entry's own counts.

    python benchmarks/log_summaries.py [--bench ../shared/bench] [--model]

Each plain sentence is taken apart again and compared with the counts, findings and templates of the log's JSON entry,
and the number of lines with the file itself. What is worded has to hold the same numbers in the same order. Three
writers word the sentences: none; one that is careless on purpose (it changes, swaps, drops and adds figures and
names); and with --model the language model itself.
"""

import argparse
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import headline, table

from ingest.logs.facts import analyse
from rag.log_summary import FINDINGS_SAID, summarise
from rag.types import Generator

ROOT = Path(__file__).resolve().parent.parent
NUMBER = re.compile(r"\d[\d.,:/T+-]*\d|\d")


def main() -> None:
    """Print a row for each writer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT / ".." / "shared" / "bench")
    parser.add_argument("--model", action="store_true", help="let the language model word them too")
    arguments = parser.parse_args()
    print(headline("Numbers in summaries of logs"))
    logs = [*sorted((ROOT / "data/office/logs").glob("*")), *sorted(arguments.bench.glob("loghub/*/*.log"))]
    facts = [(log, analyse(log, log.name)) for log in logs]
    writers: list[tuple[str, Generator | None]] = [("no writer", None), ("a careless writer", Careless())]
    if arguments.model:
        from rag.config import resolve
        from rag.models.llama import load_generator

        writers.append(("the language model", load_generator(resolve().models, None, lambda _: None)))
    rows = []
    for name, writer in writers:
        sentences = right = worded = dropped = 0
        for log, one in facts:
            entry = one.to_json() | summarise(one, writer).to_json()
            plain = [sentence["text"] for sentence in summarise(one, None).to_json()["sentences"]]  # type: ignore[index, union-attr, attr-defined]
            for sentence, fact in zip(entry["sentences"], plain, strict=True):  # type: ignore[call-overload]
                sentences += 1
                same = NUMBER.findall(sentence["text"]) == NUMBER.findall(fact)
                right += same and true(fact, entry, log)
                if not (same and true(fact, entry, log)):
                    print(f"wrong: {sentence['text']!r} for {fact!r}")
                worded += sentence["written"]
            dropped += int(str(entry["dropped_sentences"]))
        rows.append([name, len(facts), sentences, worded, dropped, f"{right / sentences:.1%}"])
    print(table(["writer", "logs", "sentences", "worded", "refused by the check", "numbers equal the counts"], rows))


def true(fact: str, entry: Mapping[str, Any], log: Path) -> bool:
    """Whether a plain sentence says what the entry, and the file, hold. An unknown kind of sentence is not true."""
    counts, findings = entry["counts"], entry["findings"]
    if match := re.fullmatch(r"(.+) holds ([\d,]+) lines? with ([\d,]+) events? in the format (.+)\.", fact):
        raw = log.read_bytes()
        lines = raw.count(b"\n") + (bool(raw) and not raw.endswith(b"\n"))
        events = sum(one["count"] for one in entry["templates"])
        return (match[1], _int(match[2]), _int(match[3]), match[4]) == (log.name, lines, events, entry["format"])
    if match := re.fullmatch(r"The events run from (\S+) to (\S+)\.", fact):
        hours = [row[0] for row in entry["timeline"]]
        return hours[0][:13] == match[1][:13] and hours[-1][:13] == match[2][:13]
    if match := re.fullmatch(r"([\d,]+) lines? counts? as unparsed\.", fact):
        return _int(match[1]) == entry["lines"] - entry["event_lines"] - entry["blank_lines"]
    if match := re.fullmatch(r"(\w+) severity: (.*) \(([\d,]+) events?\)\.", fact):
        said = (match[1].lower(), match[2], _int(match[3]))
        return said in [(one["severity"], " ".join(one["title"].split()), one["count"]) for one in findings]
    if match := re.fullmatch(r"The report lists ([\d,]+) more findings?\.", fact):
        return _int(match[1]) == len(findings) - FINDINGS_SAID
    if match := re.fullmatch(r"The most (?:active|frequent) (\w+) is (.*) with ([\d,]+) events?\.", fact):
        field = counts[f"{match[1]}s"]
        return field.get(match[2]) == _int(match[3]) == max(field.values())
    if match := re.fullmatch(r"([\d,]+) events? (failed|was denied|were denied)\.", fact):
        bad = sum(row[2] for row in entry["timeline"])
        outcome = counts["outcomes"]["failure" if match[2] == "failed" else "denied"]
        return _int(match[1]) == outcome and (not entry["timeline"] or outcome <= bad)
    return False


def _int(text: str) -> int:
    return int(text.replace(",", ""))


class Careless:
    """A writer that gets something wrong in most sentences. Satisfies `Generator`."""

    name, sha256, host = "careless", "0" * 64, ""

    def __init__(self) -> None:
        self._chance = random.Random(11)

    def generate(
        self, messages: Sequence[Mapping[str, str]], max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        """The sentences back, spoiled."""
        del max_tokens, stop  # it heeds nothing
        for line in messages[-1]["content"].splitlines():
            mark, _, text = line.partition(" ")
            yield f"{mark} {self._spoil(text)}\n"

    def count(self, text: str) -> int:
        """Tokens, more or less."""
        return len(text.split())

    def _spoil(self, text: str) -> str:
        numbers = list(NUMBER.finditer(text))
        way = self._chance.randrange(7)
        if way == 0 and numbers:  # one figure more
            one = self._chance.choice(numbers)
            return f"{text[: one.start()]}{one[0]}1{text[one.end() :]}"
        if way == 1 and len(numbers) > 1:  # two change places
            first, second = numbers[0], numbers[-1]
            between = text[first.end() : second.start()]
            return f"{text[: first.start()]}{second[0]}{between}{first[0]}{text[second.end() :]}"
        if way == 2 and numbers:  # one is gone
            one = self._chance.choice(numbers)
            return text[: one.start()] + "some" + text[one.end() :]
        if way == 3:  # one is added
            return text[:-1] + " on 3 days."
        if way == 4:  # another word
            return text.replace("failed", "succeeded").replace("High", "Low").replace("most", "least")
        if way == 5:  # rightly, in other words
            return "The log shows: " + text[0].lower() + text[1:]
        return text.replace(" with ", ", which has ", 1)


if __name__ == "__main__":
    main()
