"""Train the reader, in stages: each goes on from the last checkpoint with other data.

    python -m training.train RUN_FOLDER --stage NAME --data FILE[=TIMES] ... --minutes 30 [--final]

The learning rate rises over the first steps, stays, and falls to nothing over a stage marked --final. Forward and
backward passes are bfloat16, the optimiser keeps float32 copies: 2.5 times as fast as float32 on a CPU with AVX-512
BF16. Two processes of one thread each share every step: threads of one process wait for each other at each operator,
which costs most of the speed as soon as the machine does anything else. A checkpoint is written every five minutes.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
import torch.distributed as dist

from rag.models.catalogue import EMBEDDING, verify
from rag.models.pairs import MAX_TOKENS
from rag.models.wordpiece import WordPiece
from rag.tune.batches import Batch, batches
from rag.tune.cross_encoder import CrossEncoder, loss
from rag.tune.groups import Group
from training.groups import HELD_OUT, read

SEED = 11
RATE = 1.2e-4
HEADS_RATE = 6e-4
WARM_UP = 300  # steps
CHECKPOINT = 300  # seconds
REPORT = 50  # steps
WORKERS = 2


def main() -> None:
    """Run one stage in WORKERS processes."""
    arguments = _arguments()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    meeting = arguments.folder.resolve() / "meeting"
    meeting.unlink(missing_ok=True)
    torch.multiprocessing.spawn(_work, (arguments, f"file://{meeting}"), nprocs=WORKERS)  # type: ignore[attr-defined,no-untyped-call]


def _work(rank: int, arguments: argparse.Namespace, meeting: str) -> None:
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=WORKERS)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    home = verify(EMBEDDING)
    tokenizer = WordPiece(home, MAX_TOKENS)
    learner = Learner(CrossEncoder(home))
    checkpoint = arguments.folder / "checkpoint.pt"
    if checkpoint.exists():
        learner.load(checkpoint)
    rng = random.Random(f"{SEED} {arguments.stage}")
    groups = [group for entry in arguments.data for group in _some(entry, rng)]
    rng.shuffle(groups)
    _say(rank, f"stage {arguments.stage}: {len(groups)} groups from step {learner.step}")
    started = saved = time.time()
    losses: list[float] = []
    seen = 0
    for batch in islice(_endless(groups, tokenizer), rank, None, WORKERS):
        passed = _agreed((time.time() - started) / 60 / arguments.minutes)
        if passed >= 1:
            break
        losses.append(learner.learn(batch, (1 - passed) if arguments.final else 1.0))
        seen += len(batch.input_ids)
        if learner.step % REPORT == 0:
            mean = sum(losses[-REPORT:]) / len(losses[-REPORT:])
            rate = WORKERS * seen / (time.time() - started)
            _say(rank, f"step {learner.step}  pairs {WORKERS * seen}  {rate:.1f}/s  loss {mean:.3f}")
        if rank == 0 and time.time() - saved > CHECKPOINT:
            learner.save(checkpoint)
            saved = time.time()
    if rank == 0:
        learner.save(checkpoint)
        entry = {
            "stage": arguments.stage,
            "pairs": WORKERS * seen,
            "steps": len(losses),
            "seconds": round(time.time() - started),
        }
        with (arguments.folder / "stages.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
    dist.destroy_process_group()


def _some(entry: str, rng: random.Random) -> list[Group]:
    """The groups to train on of `FILE=TIMES`: each so many times, a part of them for a fraction."""
    path, _, times = entry.partition("=")
    groups = [group for group in read(Path(path)) if group.fold < HELD_OUT]
    whole, part = divmod(float(times or 1), 1)
    return groups * int(whole) + rng.sample(groups, round(part * len(groups)))


def _say(rank: int, line: str) -> None:
    if rank == 0:
        print(line, flush=True)


def _agreed(value: float) -> float:
    """The first process's value, so that all stop at the same step."""
    shared = torch.tensor([value])
    dist.broadcast(shared, 0)
    return float(shared)


class Learner:
    """A network in bfloat16 with float32 copies of what is trained."""

    def __init__(self, network: CrossEncoder) -> None:
        self.step = 0
        trained = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        self.masters = [p.detach().clone().float() for _, p in trained]
        self.network = network.to(torch.bfloat16).train()
        self._trained = [p for _, p in trained]
        heads = [not name.startswith("encoder.") for name, _ in trained]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [m for m, head in zip(self.masters, heads, strict=True) if not head], "base": RATE},
                {"params": [m for m, head in zip(self.masters, heads, strict=True) if head], "base": HEADS_RATE},
            ],
            lr=RATE,
            betas=(0.9, 0.98),
            weight_decay=0.01,
            fused=True,
        )

    def learn(self, batch: Batch, fraction: float) -> float:
        """One step at `fraction` of the learning rate; returns the loss."""
        self.step += 1
        scale = fraction * min(1.0, self.step / WARM_UP)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * scale
        found = loss(self.network, batch)
        found.backward()  # type: ignore[no-untyped-call]
        self._share_gradients()
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            for parameter, master in zip(self._trained, self.masters, strict=True):
                parameter.copy_(master)
        return float(found.detach())

    def _share_gradients(self) -> None:
        """Give every process the mean of all processes' gradients."""
        flat = torch.cat(
            [torch.zeros(p.numel()) if p.grad is None else p.grad.float().flatten() for p in self._trained]
        )
        dist.all_reduce(flat)
        flat /= dist.get_world_size()
        parts = torch.split(flat, [p.numel() for p in self._trained])
        for parameter, master, part in zip(self._trained, self.masters, parts, strict=True):
            master.grad = part.view_as(master)
            parameter.grad = None

    def save(self, path: Path) -> None:
        """Write everything that is needed to go on; whole or not at all."""
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "masters": self.masters,
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(path, weights_only=True)
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        with torch.no_grad():
            for master, stored in zip(self.masters, state["masters"], strict=True):
                master.copy_(stored)
        self.optimizer.load_state_dict(state["optimizer"])


def _endless(groups: list[Group], tokenizer: WordPiece) -> Iterator[Batch]:
    seed = 0
    while True:
        yield from batches(groups, tokenizer, seed)
        seed += 1
        random.Random(seed).shuffle(groups)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--data", nargs="+", required=True, metavar="FILE[=TIMES]")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--final", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
