"""The network in torch and its low-rank additions, on a model of two small layers."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ModelError
from rag.models import gguf
from rag.tune.lora import RANK, TOKENS, WARM_UP, Example, Learner, Network, batches, pace

SIZE, WIDE, WORDS, HEADS = 32, 48, 50, 4


def weights(architecture: str = "llama") -> gguf.Weights:
    random = np.random.default_rng(2)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (random.standard_normal((rows, columns)) / columns**0.5).astype(np.float32)

    tensors = {"token_embd.weight": matrix(WORDS, SIZE), "output_norm.weight": np.ones(SIZE, np.float32)}
    for layer in range(3):
        shapes = {
            "attn_q": (SIZE, SIZE),
            "attn_k": (SIZE // 2, SIZE),
            "attn_v": (SIZE // 2, SIZE),
            "attn_output": (SIZE, SIZE),
            "ffn_gate": (WIDE, SIZE),
            "ffn_up": (WIDE, SIZE),
            "ffn_down": (SIZE, WIDE),
        }
        tensors |= {f"blk.{layer}.{part}.weight": matrix(*shape) for part, shape in shapes.items()}
        tensors |= {f"blk.{layer}.{part}.weight": np.ones(SIZE, np.float32) for part in ("attn_norm", "ffn_norm")}
    metadata = {
        "general.architecture": architecture,
        "llama.block_count": 3,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": HEADS // 2,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.freq_base": 10000.0,
    }
    return gguf.Weights(metadata, tensors)


EXAMPLES = [Example([1, 2, 3, number], [number + 10, 4]) for number in range(5, 13)]


def test_examples_are_learnt() -> None:
    learner = Learner(Network(weights()), 40)
    losses = [learner.learn(EXAMPLES) for _ in range(40)]
    assert losses[-1] < 0.7 * losses[0]


def test_a_run_that_was_cut_off_ends_like_one_that_was_not(tmp_path: Path) -> None:
    whole = Learner(Network(weights()), 8)
    losses = [whole.learn(EXAMPLES) for _ in range(8)]
    cut = Learner(Network(weights()), 8)
    for _ in range(3):
        cut.learn(EXAMPLES)
    cut.save(tmp_path / "run.npz")
    again = Learner(Network(weights()), 8)
    again.resume(tmp_path / "run.npz")
    assert again.step == 3
    assert [again.learn(EXAMPLES) for _ in range(5)] == pytest.approx(losses[3:], rel=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]


def test_nothing_to_go_on_from_is_a_beginning(tmp_path: Path) -> None:
    learner = Learner(Network(weights()), 8)
    learner.resume(tmp_path / "none.npz")
    assert learner.step == 0


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.npz").write_bytes(b"PK nothing")
    with pytest.raises(ModelError, match="is damaged"):
        Learner(Network(weights()), 8).resume(tmp_path / "run.npz")


def test_padding_and_company_change_nothing() -> None:
    network = Network(weights())
    longer = Example(list(range(20, 40)), [7, 8, 9])
    alone = [float(network.loss([example]).detach()) for example in (EXAMPLES[0], longer)]
    together = float(network.loss([EXAMPLES[0], longer]).detach())
    assert together == pytest.approx((2 * alone[0] + 3 * alone[1]) / 5, rel=0.02)


def test_an_adapter_names_what_it_adds_to(tmp_path: Path) -> None:
    network = Network(weights())
    network.save(tmp_path / "a.gguf")
    saved = gguf.read(tmp_path / "a.gguf")
    assert saved.metadata["adapter.type"] == "lora"
    assert saved.tensors["blk.2.ffn_down.weight.lora_a"].shape == (RANK, WIDE)
    assert saved.tensors["blk.2.ffn_down.weight.lora_b"].shape == (SIZE, RANK)
    assert not any(name.startswith("blk.0.") for name in saved.tensors)  # the lowest third stays as it is
    assert not any(tensor.any() for name, tensor in saved.tensors.items() if name.endswith("lora_b"))


def test_another_architecture_is_refused() -> None:
    with pytest.raises(ModelError, match="'qwen2'; only those of the Llama kind"):
        Network(weights("qwen2"))


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.integers(1, 3))
def test_each_round_takes_every_example_once_within_the_budget(lengths: list[int], rounds: int) -> None:
    examples = [Example(range(length), [number]) for number, length in enumerate(lengths)]
    steps = batches(examples, rounds)
    seen = sorted(example.reply[0] for step in steps for example in step)
    assert seen == sorted(list(range(len(lengths))) * rounds)
    assert all(len(step) == 1 or len(step) * max(map(len, step)) <= TOKENS for step in steps)


@given(st.integers(1, 5000))
def test_the_learning_rate_rises_falls_and_ends(steps: int) -> None:
    rates = [pace(step, steps) for step in range(1, steps + 1)]
    assert all(0 <= rate <= 1 for rate in rates)
    assert rates[-1] == 0
    after = rates[int(WARM_UP * steps) + 1 :]
    assert after == sorted(after, reverse=True)
