"""How the language model runs on this machine: what `rag models tune` has chosen, kept in the home beside the models.

Without a choice, or with one that was made for other weights or other cores, the defaults hold. Knows nothing about
llama.cpp.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.errors import StorageError
from rag.models.network import usable_cores

FILE = "language.json"  # below the home's folder for models
WEIGHTS = ("Q8_0", "Q4_0", "Q4_1")  # Q4_1 is what the language model is packaged as
WORTH = 0.9  # a way has to take at most this share of the default's time: less is within what a machine varies by
WORSE = 1.01  # times the default's perplexity that is still taken for the same quality
READ, WRITTEN = 400, 40  # tokens of a question's prompt and of a first sentence, as a user waits for them


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to run the model."""

    # Q8_0 reads prompts 1.6 to 2 times as fast as Q4_1 on AVX-512 and is no less exact than what it is made from.
    weights: str = "Q8_0"  # of WEIGHTS
    threads: int = 0  # 0: as many as there are usable cores
    batch: int = 512  # tokens of a prompt that are read at once
    flash: bool = False  # flash attention

    def __str__(self) -> str:
        threads = self.threads or usable_cores()
        return f"{self.weights}, {threads} threads, batches of {self.batch}{', flash attention' if self.flash else ''}"


@dataclass(frozen=True, slots=True)
class Measured:
    """A way, and what was measured of it."""

    choice: Choice
    prefill: float  # tokens a second
    decode: float  # tokens a second
    perplexity: float  # of a fixed text; lower is better
    answers: tuple[str, ...]  # to a fixed set of prompts

    @property
    def seconds(self) -> float:
        """Time for READ tokens read and WRITTEN written."""
        return READ / self.prefill + WRITTEN / self.decode


def choose(default: Measured, others: Sequence[Measured]) -> Measured:
    """The fastest way that answers as the default does; the default where none is clearly faster."""
    good = [
        other
        for other in others
        if other.answers == default.answers
        and other.perplexity <= WORSE * default.perplexity
        and other.seconds <= WORTH * default.seconds
    ]
    return min(good, key=lambda other: other.seconds, default=default)


def recall(models: Path, parent_sha256: str) -> Choice:
    """What was chosen for these weights on this machine; the defaults where nothing was."""
    try:
        kept = json.loads((models / FILE).read_text(encoding="utf-8"))
        choice = Choice(**kept["choice"])
        fits = kept["parent_sha256"] == parent_sha256 and kept["cores"] == usable_cores()
    except (OSError, ValueError, KeyError, TypeError):
        return Choice()
    return choice if fits and choice.weights in WEIGHTS else Choice()


def keep(models: Path, parent_sha256: str, chosen: Measured) -> None:
    """Write the choice down. Raises StorageError."""
    kept = {
        "parent_sha256": parent_sha256,
        "cores": usable_cores(),
        "choice": asdict(chosen.choice),
        "prefill": round(chosen.prefill, 1),
        "decode": round(chosen.decode, 1),
    }
    try:
        models.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = models / f"{FILE}.new"
        aside.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        aside.replace(models / FILE)
    except OSError as error:
        raise StorageError(f"Cannot write {models / FILE} ({error.strerror}); the defaults go on to hold.") from error
