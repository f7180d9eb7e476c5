"""Trains the question encoder: what is asked goes near the passages that answer it.

    python -m training.question RUN_FOLDER --home HOME --data DATA --minutes 10 [--spans]
    python -m training.question RUN_FOLDER --home HOME --export TARGET.int8.onnx

Passages keep the vectors that the program computes for them, so a collection need not be embedded again, and only
questions, a tenth as long, go through the network in training. Since passages stand still, each question is compared
with all of them at every step: the loss is the cross-entropy of the right passage among all (InfoNCE, van den Oord, Li
and Vinyals, "Representation Learning with Contrastive Predictive Coding", 2018, with every passage as a negative).
With --spans also that of the right quotation among all of `compliance.jsonl`, those of its document first of all.

Goes on from the RUN_FOLDER's checkpoint where there is one. Vectors of passages are kept there, too.
"""

import argparse
import gzip
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import BertModel

from rag.evidence import spans
from rag.models.catalogue import EMBEDDING, sha256, verify
from rag.models.embed import TextEmbedder, load_embedder
from rag.models.export import write_onnx
from rag.models.network import quantise
from rag.models.wordpiece import WordPiece
from training.compliance import documents
from training.groups import HELD_OUT

SEED = 1
RATES = {False: 3e-5, True: 2e-5}  # by --spans, which comes second
WARM_UP = 50  # steps
BATCH = 48  # questions; of spans 32
SHARPNESS = 20.0  # of a cosine as a logit
OTHERS = 3.0  # taken off the logits of spans of other documents: the neighbours are what is to be told apart
LONGEST = 64  # tokens of a question
LONG = 1600  # characters of a public passage; of longer ones the stretch around the answer is taken
SOURCES = {  # of qa.jsonl.gz: how many questions
    "squad1.1-train": 4000,
    "doc2dial-val": 4000,
    "nq-open-oracle": 1200,
    "dolly-closed_qa": 250,
    "tatqa": 750,
}
PAIRS = frozenset({"contractnli-dev", "doc2dial-val", "or-sharc-dev", "covid-faq"})
OURS = "strongroom-compliance"
WEIGHTS = {OURS: 1.0, "squad1.1-train": 0.35}  # of a question, how often it is drawn
OTHER = 0.6  # ... of any other source


@dataclass(slots=True)
class Asked:
    """A question, and which of the texts answers it."""

    source: str
    fold: int
    question: str
    right: int
    document: list[int] = field(default_factory=list)  # the other texts of its document; of spans only


@dataclass(slots=True)
class Pool:
    """Texts, each once, and the questions that they answer."""

    texts: dict[str, int] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def number(self, text: str) -> int:
        """Of `text`, which is added if it is new."""
        return self.texts.setdefault(text.strip(), len(self.texts))

    def trained_on(self) -> list[Asked]:
        """The questions that are not held out."""
        return [asked for asked in self.asked if asked.fold < HELD_OUT]


def main() -> None:
    """Train, or export."""
    arguments = _arguments()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    network = Encoder(arguments.folder / "checkpoint.pt")
    if arguments.export:
        export(network, arguments.export)
        return
    embedder = load_embedder(arguments.home / "models", None, print)
    pools = [passages(arguments.compliance, arguments.data)]
    if arguments.spans:
        pools.append(quotations(arguments.compliance))
    vectors = [_vectors(pool, embedder, arguments.folder / f"{number}.npy") for number, pool in enumerate(pools)]
    train(network, pools, vectors, arguments.minutes)
    torch.save(network.network.state_dict(), arguments.folder / "checkpoint.pt")


def passages(compliance: Path, data: Path) -> Pool:
    """Our own documents and the public data, as passages."""
    pool, rng = Pool(), random.Random(5)
    for document in documents(compliance):
        numbers = [pool.number(passage["text"]) for passage in document["passages"]]
        for asked in document["questions"]:
            if asked["p"] is not None:
                pool.asked.append(Asked(OURS, document["fold"], asked["q"], numbers[asked["p"]]))
    found: dict[str, list[dict[str, Any]]] = {source: [] for source in SOURCES}
    for row in _rows(data / "qa.jsonl.gz"):
        if row["source"] in found and row["answers"]:
            found[row["source"]].append(row)
    for source, most in SOURCES.items():
        rng.shuffle(found[source])
        for row in found[source][:most]:
            pool.asked.append(Asked(source, row["fold"], row["question"], pool.number(_around(row))))
    for row in _rows(data / "pairs.jsonl.gz"):
        if row["source"] in PAIRS:
            number = pool.number(row["passage"])
            if row["label"]:
                pool.asked.append(Asked(row["source"], row["fold"], row["question"], number))
    return pool


def quotations(compliance: Path) -> Pool:
    """Our own documents as what the program may quote, each with its heading as `rag.evidence` embeds it."""
    pool = Pool()
    for document in documents(compliance):
        cut = []
        for passage in document["passages"]:
            text, heading = passage["text"], f"{passage['section']}: " if passage.get("section") else ""
            cut.append([(start, end, pool.number(heading + text[start:end])) for start, end in spans(text)])
        everything = [number for found in cut for *_, number in found]
        for asked in document["questions"]:
            if asked["p"] is None:
                continue
            first = document["passages"][asked["p"]]["text"].index(asked["answer"])
            last = first + len(asked["answer"])
            right = [number for start, end, number in cut[asked["p"]] if start <= first and last <= end]
            if right:
                pool.asked.append(Asked(OURS, document["fold"], asked["q"], right[0], everything))
    return pool


class Encoder:
    """The packaged network, to be tuned; its words keep the meaning they have."""

    def __init__(self, checkpoint: Path) -> None:
        home = verify(EMBEDDING)
        self.tokenizer = WordPiece(home, LONGEST)
        self.network = BertModel.from_pretrained(home, attn_implementation="eager", add_pooling_layer=False)
        if checkpoint.exists():
            self.network.load_state_dict(torch.load(checkpoint, weights_only=True))
        for module in self.network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        self.network.embeddings.word_embeddings.weight.requires_grad_(False)

    def __call__(self, questions: Sequence[str]) -> Tensor:
        """float32 `(n, dim)`, unit rows."""
        rows = [torch.from_numpy(row) for row in self.tokenizer.encode(questions)]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        return pooled(self.network, ids, mask)


def pooled(network: BertModel, ids: Tensor, mask: Tensor) -> Tensor:
    """The mean over a text's tokens, at unit length: as the packaged pipeline does it."""
    hidden = network(ids, attention_mask=mask).last_hidden_state
    weights = mask[:, :, None].to(hidden.dtype)
    return functional.normalize(((hidden * weights).sum(1) / weights.sum(1)).float(), dim=1)


def train(encoder: Encoder, pools: Sequence[Pool], vectors: Sequence[Tensor], minutes: float) -> None:
    """Some minutes of steps; says every two minutes how questions held out fare."""
    rng = random.Random(SEED)
    trained = [parameter for parameter in encoder.network.parameters() if parameter.requires_grad]
    rate = RATES[len(pools) > 1]
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=0.01)
    draws = [_draws(pool.trained_on(), rng) for pool in pools]
    started = told = time.monotonic()
    _tell("before", encoder, pools, vectors)
    step = 0
    while (gone := (time.monotonic() - started) / 60) < minutes:
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, step / WARM_UP) * max(0.02, 1 - gone / minutes)
        loss = sum(
            (_loss(encoder, next(draw), vector) for draw, vector in zip(draws, vectors, strict=True)), torch.zeros(())
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        step += 1
        if time.monotonic() - told > 120:
            told = time.monotonic()
            _tell(f"{gone:.1f} minutes, step {step}, loss {loss.item():.3f}", encoder, pools, vectors)
    _tell(f"after {step} steps", encoder, pools, vectors)


def _draws(asked: Sequence[Asked], rng: random.Random) -> Iterator[list[Asked]]:
    """Batches of questions of about one length, drawn by the weights of their sources."""
    if asked[0].document:
        while True:
            yield rng.sample(asked, 32)
    weights = [WEIGHTS.get(one.source, OTHER) for one in asked]
    while True:
        drawn = sorted(rng.choices(asked, weights, k=4 * BATCH), key=lambda one: len(one.question))
        place = rng.randrange(4) * BATCH
        yield drawn[place : place + BATCH]


def _loss(encoder: Encoder, asked: Sequence[Asked], vectors: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = encoder([one.question for one in asked])
    logits = SHARPNESS * (found @ vectors.T)
    if asked[0].document:
        off = torch.full_like(logits, OTHERS)
        for row, one in zip(off, asked, strict=True):
            row[one.document] = 0.0
        logits = logits - off
    return functional.cross_entropy(logits, torch.tensor([one.right for one in asked]))


def _tell(when: str, encoder: Encoder, pools: Sequence[Pool], vectors: Sequence[Tensor]) -> None:
    for pool, texts in zip(pools, vectors, strict=True):
        held_out = [one for one in pool.asked if one.fold >= HELD_OUT and one.source == OURS]
        with torch.inference_mode():
            scores = torch.cat([encoder([one.question]) for one in held_out]) @ texts.T
        right = scores.gather(1, torch.tensor([[one.right] for one in held_out]))
        ranks = (scores > right).sum(1)
        print(
            f"{when}: first {(ranks < 1).float().mean():.3f}, first ten {(ranks < 10).float().mean():.3f}", flush=True
        )


def _vectors(pool: Pool, embedder: TextEmbedder, path: Path) -> Tensor:
    """The program's own vectors of a pool's texts, kept in `path`."""
    if not path.exists():
        print(f"Embedding {len(pool.texts)} texts …", flush=True)
        np.save(path, embedder.embed(list(pool.texts)))
    vectors: NDArray[np.float32] = np.load(path)
    if len(vectors) != len(pool.texts):
        raise SystemExit(f"{path} holds vectors of other data; delete it.")
    return torch.from_numpy(vectors)


def export(encoder: Encoder, target: Path) -> None:
    """Write int8 ONNX as the program runs it, and print its size and SHA-256."""

    class Pipeline(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = encoder.network

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            return pooled(self.network, input_ids, attention_mask)

    whole = target.with_suffix(".fp32.onnx")
    sample = torch.ones(2, 8, dtype=torch.long)
    batch, tokens = {0: "batch"}, {0: "batch", 1: "tokens"}
    write_onnx(
        Pipeline().eval(),
        (sample, sample),
        whole,
        {"input_ids": tokens, "attention_mask": tokens, "vectors": batch},
    )
    quantise(whole, target)
    whole.unlink()
    print(target.name, target.stat().st_size, sha256(target))


def _around(row: dict[str, Any]) -> str:
    """A public passage, or what of a long one stands around the answer."""
    text: str = row["context"]
    if len(text) <= LONG:
        return text
    first = max(0, row["answers"][0]["start"] - 600)
    return text[first : first + 1200]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="checkpoint and vectors")
    parser.add_argument("--home", type=Path, required=True, help="a home whose embedding model is used")
    parser.add_argument("--data", type=Path, help="the folder with qa.jsonl.gz and pairs.jsonl.gz")
    parser.add_argument("--compliance", type=Path, default=Path("training/compliance.jsonl"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--spans", action="store_true", help="quotations, too")
    parser.add_argument("--export", type=Path, help="write int8 ONNX there, train nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
