"""The real language model: it streams, says the same twice, and answers sanely after it was requantised."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import ModelError
from rag.models import gguf
from rag.models.catalogue import LANGUAGE, WRITER, locate, sha256
from rag.models.llama import (
    CONTEXT,
    Adaptation,
    LanguageWeights,
    LlamaGenerator,
    language_weights,
    load_generator,
    requantise,
)
from rag.prompt import BUDGET, build
from rag.term import show
from rag.tune.lora import Example, Learner, Network
from tests.running import ROOT

QUOTES = ["Whoever notices an incident must tell the Service Desk within 30 minutes, by telephone on extension 4400."]
QUESTION = "Within how many minutes must an incident be reported?"


def test_it_streams_and_says_the_same_twice(generator: Any) -> None:
    messages, _ = build(QUESTION, QUOTES, generator)
    pieces = list(generator.generate(messages, 40))
    assert len(pieces) > 3
    assert "".join(pieces) == "".join(generator.generate(messages, 40))


def test_requantised_it_still_reads_what_stands_there(generator: Any) -> None:
    messages, _ = build(QUESTION, QUOTES, generator)
    assert "30 minutes" in "".join(generator.generate(messages, 40))


def test_what_our_writer_was_taught(generator: Any, models: Path) -> None:
    """Asked without quotations, it does not answer from what it once read; the weights it is made from do."""
    (name,) = LANGUAGE.files
    packaged = LlamaGenerator(LanguageWeights(locate(LANGUAGE) / name, "packaged", ""))
    messages = [{"role": "user", "content": "What is the capital of France? Answer with one word."}]
    assert "Paris" in "".join(packaged.generate(messages, 12))
    assert "Paris" not in "".join(generator.generate(messages, 12))


def test_the_writer_is_in_the_weights_as_it_is_beside_them(generator: Any, models: Path, tmp_path: Path) -> None:
    """One arithmetic, twice: merged when the model is prepared, and computed by llama.cpp while it runs."""
    (name,), (learnt,) = LANGUAGE.files, WRITER.files
    whole = tmp_path / "whole.gguf"
    requantise(locate(LANGUAGE) / name, whole, "F16")
    beside = Adaptation("writer", "", locate(WRITER) / learnt)
    messages, _ = build(QUESTION, QUOTES, generator)
    said = "".join(LlamaGenerator(LanguageWeights(whole, "whole", ""), beside).generate(messages, 40))
    gguf.add(whole, locate(WRITER) / learnt)
    assert said == "".join(LlamaGenerator(LanguageWeights(whole, "whole", "")).generate(messages, 40))


def test_limits_and_stops_are_kept(generator: Any) -> None:
    messages = [{"role": "user", "content": "Count from one to fifty in words."}]
    text = "".join(generator.generate(messages, 10))
    assert 0 < generator.count(text) <= 10
    assert "," not in "".join(generator.generate(messages, 40, stop=[","]))


def test_a_stream_may_be_left_early(generator: Any) -> None:
    messages = [{"role": "user", "content": "Tell me about audit logs."}]
    stream = generator.generate(messages, 100)
    first = next(stream)
    stream.close()
    assert next(generator.generate(messages, 5)) == first


def test_a_prompt_that_does_not_fit_is_refused_in_words(generator: Any) -> None:
    messages = [{"role": "user", "content": "word " * (CONTEXT + 100)}]
    with pytest.raises(ModelError, match="refused the prompt"):
        list(generator.generate(messages, 10))


def test_a_prompt_is_counted_in_the_models_own_tokens(generator: Any) -> None:
    """However many quotations there are, the prompt stays far below what the model can take."""
    quotes = [f"{number}. " + "The controller shall keep records of processing. " * 8 for number in range(20)]
    messages, used = build(QUESTION, quotes, generator)
    assert 0 < used < 20
    assert sum(generator.count(message["content"]) for message in messages) < BUDGET + 200 < CONTEXT / 2


def test_a_file_of_the_users_own_is_used_as_it_is(models: Path) -> None:
    (name,) = LANGUAGE.files
    own = load_generator(models, locate(LANGUAGE) / name, lambda _: None)
    assert own.name == Path(name).stem
    assert own.count("two words") == 2


@pytest.mark.parametrize("content", [b"", b"GGUF", b"no model " * 1000])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.gguf cannot be loaded"):
        load_generator(tmp_path, tmp_path / "bad.gguf", lambda _: None)
    with pytest.raises(ModelError, match="could not requantise"):
        requantise(tmp_path / "bad.gguf", tmp_path / "out.gguf")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model file"):
        load_generator(tmp_path, tmp_path / "none.gguf", lambda _: None)


def test_what_others_print_while_it_loads_is_not_lost(models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Loading goes on beside retrieval, and a refusal may be printed before it has ended."""
    ready = threading.Event()
    thread = threading.Thread(target=lambda: (load_generator(models, None, print), ready.set()))
    thread.start()
    count = 0
    while not ready.wait(0.001):
        count += 1
        show(str(count))
        os.write(1, b"native\n")
    thread.join()
    printed = capfd.readouterr().out
    assert [int(line) for line in printed.splitlines() if line != "native"] == list(range(1, count + 1))
    assert printed.count("native") == count


def test_nothing_is_printed_from_load_to_exit(models: Path) -> None:
    """llama.cpp talks on stderr, and its Python wrapper complains when it is torn down late."""
    code = f"""
from pathlib import Path
from rag.models.llama import load_generator
generator = load_generator(Path({str(models)!r}), None, print)
next(generator.generate([{{"role": "user", "content": "Hello"}}], 3))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_prompt_is_what_the_model_is_given(generator: Any) -> None:
    messages = [{"role": "user", "content": "Say yes.\n\n<|im_end|> is no mark here."}]
    next(generator.generate(messages, 4))
    prompt = generator.prompt(messages)
    assert generator._llama._input_ids[: len(prompt)].tolist() == prompt


def test_the_network_that_is_tuned_says_what_llama_cpp_says(models: Path, generator: Any, tmp_path: Path) -> None:
    """One arithmetic, twice: the same greedy words, without additions and with some that were learnt."""
    import torch

    weights = language_weights(models, None, lambda _: None)
    network = Network(gguf.read(weights.path))
    messages = [{"role": "user", "content": "The bin is red.\n\nBased on the text above: which colour has the bin?"}]
    prompt = generator.prompt(messages)

    def greedy() -> str:
        ids = list(prompt)
        with torch.no_grad():
            for _ in range(8):
                places = torch.zeros((1, len(ids)), dtype=torch.bool)
                places[0, -1] = True
                ids.append(int(network.logits(torch.tensor([ids]), places).argmax()))
                if ids[-1] == generator.end:
                    break
        return generator._llama.detokenize(ids[len(prompt) :]).decode()

    assert "".join(generator.generate(messages, 8)).startswith(greedy())
    learner = Learner(network, 40)
    for _ in range(12):
        learner.learn([Example(prompt, [*generator.tokenize("Nobody has painted it."), generator.end])])
    path = tmp_path / "learnt.gguf"
    network.save(path)
    adapted = LlamaGenerator(weights, Adaptation("learnt", sha256(path), path))
    assert adapted.name == f"{generator.name}+learnt"
    assert adapted.sha256 != generator.sha256
    said = "".join(adapted.generate(messages, 8))
    assert said != "".join(generator.generate(messages, 8))
    assert said.startswith(greedy())


def test_an_adapter_that_is_none_is_refused(models: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(ModelError, match="cannot be loaded"):
        LlamaGenerator(language_weights(models, None, lambda _: None), Adaptation("bad", "", tmp_path / "bad.gguf"))
