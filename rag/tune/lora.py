"""A language model of the Llama kind in torch, with low-rank additions that are learnt.

The weights are those that llama.cpp runs (Q8_0, multiplied out), in the layout that it has them in, so what is learnt
here is loaded there without a conversion. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021. Knows
token ids, nothing about words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from ingest.errors import ModelError
from rag.models import gguf
from rag.models.export import accelerator, torch_library

if TYPE_CHECKING:
    from torch import Tensor

RANK = 16
ALPHA = 32.0  # the addition is multiplied by ALPHA / RANK
FROZEN = 1 / 3  # share of the layers, from below, that stay as they are: a sixth of the time, and nothing was lost
RATE = 4e-4  # learning rate at its highest
WARM_UP = 0.05  # share of the steps in which it rises; then it falls to nothing
TOKENS = 1024  # of one step, padding counted
_SEED = 5
_BETAS, _DECAY, _CLIP = (0.9, 0.98), 0.01, 1.0
_PARTS = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids of a prompt and of the reply that is wanted, its end included."""

    prompt: Sequence[int]
    reply: Sequence[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.reply)


class Network:
    """The model with its additions, which are zero at first; on a graphics processor where there is one.

    Raises ModelError for weights of another architecture than Llama's.
    """

    def __init__(self, weights: gguf.Weights) -> None:
        self._torch = torch = torch_library()
        known = weights.metadata
        if known.get("general.architecture") != "llama":
            raise ModelError(
                f"The language model is of the kind {known.get('general.architecture')!r}; only those of the Llama "
                "kind can be tuned."
            )
        self._device = accelerator() or "cpu"
        self._layers: int = known["llama.block_count"]
        self._heads: int = known["llama.attention.head_count"]
        self._key_heads: int = known["llama.attention.head_count_kv"]
        self._epsilon: float = known["llama.attention.layer_norm_rms_epsilon"]
        self._base: float = known["llama.rope.freq_base"]
        self._weights = {
            name: torch.from_numpy(tensor).to(self._device, torch.bfloat16) for name, tensor in weights.tensors.items()
        }
        self._first = int(self._layers * FROZEN)
        self._shapes: dict[str, tuple[int, int]] = {}
        for layer in range(self._first, self._layers):
            for part in _PARTS:
                rows, columns = weights.tensors[f"blk.{layer}.{part}.weight"].shape
                for name, shape in (("lora_a", (RANK, columns)), ("lora_b", (rows, RANK))):
                    self._shapes[f"blk.{layer}.{part}.weight.{name}"] = shape
        random = np.random.default_rng(_SEED)
        first = [
            random.standard_normal(shape, np.float32) * shape[1] ** -0.5 if name.endswith("lora_a") else np.zeros(shape)
            for name, shape in self._shapes.items()
        ]
        flat = np.concatenate([part.ravel() for part in first]).astype(np.float32)
        self.learnt = torch.from_numpy(flat).to(self._device).requires_grad_()  # all in one, the optimiser's way

    def loss(self, examples: Sequence[Example]) -> Tensor:
        """Mean cross-entropy of the replies' tokens."""
        torch = self._torch
        width = max(map(len, examples))
        ids = torch.zeros((len(examples), width), dtype=torch.long)
        said = torch.zeros((len(examples), width), dtype=torch.bool)  # a token of the reply comes next
        for row, example in enumerate(examples):
            ids[row, : len(example)] = torch.tensor([*example.prompt, *example.reply])
            said[row, len(example.prompt) - 1 : len(example) - 1] = True
        wanted = ids.roll(-1, 1)[said].to(self._device)
        logits = self.logits(ids.to(self._device), said.to(self._device))
        loss: Tensor = torch.nn.functional.cross_entropy(logits, wanted)
        return loss

    def logits(self, ids: Tensor, places: Tensor) -> Tensor:
        """What comes next, float32 `(m, vocabulary)`, at the m true `places` of `ids`, both `(n, t)`, padded behind."""
        torch, weights = self._torch, self._weights
        states = weights["token_embd.weight"][ids]
        turn = self._turn(ids.shape[1])
        with torch.no_grad():
            for layer in range(self._first):
                states = self._layer(layer, states, turn, None)
        added = self._additions(self.learnt.to(torch.bfloat16))
        for layer in range(self._first, self._layers):
            states = self._layer(layer, states, turn, added)
        last = self._norm(states[places], "output_norm.weight")
        logits: Tensor = last @ weights.get("output.weight", weights["token_embd.weight"]).T
        return logits.float()

    def _layer(
        self, layer: int, states: Tensor, turn: tuple[Tensor, Tensor], added: Mapping[str, Tensor] | None
    ) -> Tensor:
        torch = self._torch
        functional, name = torch.nn.functional, f"blk.{layer}"
        normed = self._norm(states, f"{name}.attn_norm.weight")
        query, key, value = (
            self._product(normed, f"{name}.{part}.weight", added).view(*normed.shape[:2], heads, -1).transpose(1, 2)
            for part, heads in (("attn_q", self._heads), ("attn_k", self._key_heads), ("attn_v", self._key_heads))
        )
        each = self._heads // self._key_heads
        seen = functional.scaled_dot_product_attention(
            _turned(torch, query, turn),
            _turned(torch, key, turn).repeat_interleave(each, 1),
            value.repeat_interleave(each, 1),
            is_causal=True,  # what is padded stands behind, so nothing looks at it
        )
        states = states + self._product(seen.transpose(1, 2).flatten(2), f"{name}.attn_output.weight", added)
        normed = self._norm(states, f"{name}.ffn_norm.weight")
        gate, up = (self._product(normed, f"{name}.{part}.weight", added) for part in ("ffn_gate", "ffn_up"))
        return states + self._product(functional.silu(gate) * up, f"{name}.ffn_down.weight", added)

    def _norm(self, states: Tensor, name: str) -> Tensor:
        weight = self._weights[name]
        normed: Tensor = self._torch.nn.functional.rms_norm(states, weight.shape, weight, self._epsilon)
        return normed

    def _product(self, states: Tensor, name: str, added: Mapping[str, Tensor] | None) -> Tensor:
        result: Tensor = states @ self._weights[name].T
        if added is None:
            return result
        down, up = added[f"{name}.lora_a"], added[f"{name}.lora_b"]
        return result + (states @ down.T) @ up.T * (ALPHA / RANK)

    def _additions(self, flat: Tensor) -> dict[str, Tensor]:
        """By name. Cut at once: a view each would cost the gradient the whole length each time."""
        parts = self._torch.split(flat, [rows * columns for rows, columns in self._shapes.values()])
        return {name: part.view(shape) for part, (name, shape) in zip(parts, self._shapes.items(), strict=True)}

    def _turn(self, length: int) -> tuple[Tensor, Tensor]:
        """Cosine and sine of each position and pair, `(length, half a head)`: Su et al., "RoFormer", 2021."""
        torch = self._torch
        size = self._weights["blk.0.attn_q.weight"].shape[0] // self._heads
        pace = self._base ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)
        angles = torch.outer(torch.arange(length, dtype=torch.float32), pace).to(self._device)
        return angles.cos().to(torch.bfloat16), angles.sin().to(torch.bfloat16)

    def save(self, path: Path) -> None:
        """Write the additions as an adapter that llama.cpp loads."""
        tensors = {name: part.numpy() for name, part in self._additions(self.learnt.detach().cpu()).items()}
        metadata: dict[str, str | int | float] = {
            "general.type": "adapter",
            "general.architecture": "llama",
            "adapter.type": "lora",
            "adapter.lora.alpha": ALPHA,
        }
        gguf.write(path, metadata, tensors)


def _turned(torch: Any, states: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Neighbouring values turned as a pair, which is how ggml lays Llama's heads out."""
    cosine, sine = turn
    even, odd = states[..., ::2], states[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2)  # type: ignore[no-any-return]


class Learner:
    """A network and its optimiser (AdamW; Loshchilov and Hutter, 2019), which can be stopped and taken up again."""

    def __init__(self, network: Network, steps: int) -> None:
        self.network, self.steps, self.step = network, steps, 0
        self._torch = torch_library()
        self._mean = self._torch.zeros_like(network.learnt, requires_grad=False)
        self._square = self._torch.zeros_like(self._mean)

    def learn(self, examples: Sequence[Example]) -> float:
        """One step; returns the loss before it."""
        self.step += 1
        learnt = self.network.learnt
        loss = self.network.loss(examples)
        (gradient,) = self._torch.autograd.grad(loss, learnt)
        gradient *= min(1.0, _CLIP / (float(gradient.norm()) + 1e-9))
        self._mean.lerp_(gradient, 1 - _BETAS[0])
        self._square.lerp_(gradient**2, 1 - _BETAS[1])
        mean = self._mean / (1 - _BETAS[0] ** self.step)
        square = self._square / (1 - _BETAS[1] ** self.step)
        rate = RATE * pace(self.step, self.steps)
        with self._torch.no_grad():
            learnt -= rate * (mean / (square.sqrt() + 1e-8) + _DECAY * learnt)
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write everything that is needed to go on; whole or not at all."""
        arrays: dict[str, Any] = {name: value.detach().cpu().numpy() for name, value in self._state().items()}
        aside = path.with_suffix(".part")
        with aside.open("wb") as file:
            np.savez(file, step=np.int64(self.step), **arrays)
        aside.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from what `save` wrote, where it did. Raises ModelError where that is damaged."""
        if not path.exists():
            return
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored, self._torch.no_grad():
                self.step = int(stored["step"])
                for name, value in self._state().items():
                    value.copy_(self._torch.from_numpy(stored[name]))
        except (OSError, ValueError, KeyError, RuntimeError, BadZipFile) as error:
            raise ModelError(f"The checkpoint {path} is damaged ({error}); delete it, and it begins anew.") from error

    def _state(self) -> Mapping[str, Tensor]:
        return {"learnt": self.network.learnt, "mean": self._mean, "square": self._square}


def pace(step: int, steps: int) -> float:
    """Share (0..1) of the highest learning rate at a step: it rises over WARM_UP, then falls in a line."""
    return min(step / max(1.0, WARM_UP * steps), max(0.0, (steps - step) / max(1.0, (1 - WARM_UP) * steps)))


def batches(examples: Sequence[Example], rounds: int) -> list[list[Example]]:
    """Steps for so many rounds through the examples: alike in length within a step, in an order drawn with a seed."""
    random = np.random.default_rng(_SEED)
    made: list[list[Example]] = []
    for _ in range(rounds):
        # Lengths are blurred, so that not the same ones meet in each round.
        lengths = np.array([len(example) for example in examples])
        order = np.argsort(lengths * random.uniform(0.9, 1.1, len(examples)))
        steps = list(_cut([examples[place] for place in order.tolist()]))
        made += [steps[place] for place in random.permutation(len(steps)).tolist()]
    return made


def _cut(ordered: Sequence[Example]) -> Iterator[list[Example]]:
    part: list[Example] = []
    for example in ordered:
        if part and (len(part) + 1) * max(len(example), *map(len, part)) > TOKENS:
            yield part
            part = []
        part.append(example)
    if part:
        yield part
