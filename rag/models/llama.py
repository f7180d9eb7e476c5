"""The one door to llama.cpp: load a GGUF file, stream replies in its own chat template, requantise it."""

import ctypes
import hashlib
import math
import os
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import ModelError
from rag.models import gguf
from rag.models.bpe import PATTERNS, TokenCounter
from rag.models.catalogue import LANGUAGE, WRITER, sha256, verify
from rag.models.choice import READ, WRITTEN, Choice, recall
from rag.models.derived import derived
from rag.models.network import usable_cores

CONTEXT = 2048  # tokens; prompts are kept below 700, and a larger context only costs memory
RECIPE = "Q4_1 to F16, the writer added, to {}, v1"
PARENT = hashlib.sha256("+".join((*LANGUAGE.files.values(), *WRITER.files.values())).encode()).hexdigest()
"""What the catalogue's language model is made from, in one hash."""
DEFAULT = Choice()
JUDGED = 200  # tokens that a perplexity is taken of: two seconds
CONTROL = 8  # llama.cpp's attribute bit of a control token


@dataclass(frozen=True, slots=True)
class LanguageWeights:
    """A GGUF file to be run."""

    path: Path
    name: str
    sha256: str  # of the file that the user or the catalogue names; what is run may be made from it


@dataclass(frozen=True, slots=True)
class Adaptation:
    """Low-rank additions to a model's weights, as `rag/tune/lora.py` writes them, their hash checked."""

    name: str
    sha256: str
    path: Path


class LlamaGenerator:
    """A GGUF model. Satisfies `rag.types.Generator`. Greedy, so that the same prompt gives the same text."""

    def __init__(self, weights: LanguageWeights, adapter: Adaptation | None = None, choice: Choice = DEFAULT) -> None:
        llama_cpp = self._library = _library()
        path = weights.path
        # With an adapter it is another model: its name says both, its hash is that of both hashes.
        self.name = f"{weights.name}+{adapter.name}" if adapter else weights.name
        self.host = ""
        self.sha256: str | None = (
            hashlib.sha256(f"{weights.sha256}+{adapter.sha256}".encode()).hexdigest() if adapter else weights.sha256
        )
        threads = choice.threads or usable_cores()
        try:
            self._llama = llama_cpp.Llama(
                str(path),
                n_ctx=CONTEXT,
                n_batch=choice.batch,
                n_ubatch=choice.batch,
                n_threads=threads,
                n_threads_batch=threads,
                flash_attn=choice.flash,
                lora_path=str(adapter.path) if adapter else None,
                verbose=False,
            )
        except (ValueError, OSError, RuntimeError) as error:
            raise ModelError(f"{path} cannot be loaded by llama.cpp ({error}); name a GGUF file that can.") from error
        if adapter and not self._llama._lora_adapter:  # the wrapper takes a null pointer for one
            self._llama.close()
            raise ModelError(f"{adapter.path} cannot be loaded by llama.cpp as an adapter of {path}; tune again.")
        # Freed before the interpreter takes llama_cpp's modules apart; its own destructor comes too late for that.
        self.close = weakref.finalize(self, self._llama.close)

    @cached_property
    def _counter(self) -> Callable[[str], int]:
        """tiktoken over the file's own vocabulary where its pre-tokeniser is known, else llama.cpp's tokeniser."""
        pretokenizer = self._llama.metadata.get("tokenizer.ggml.pre", "")
        if pretokenizer not in PATTERNS:
            return lambda text: len(self._llama.tokenize(text.encode(), add_bos=False))
        return TokenCounter(self.name, pretokenizer, *self._vocabulary()).count

    def _vocabulary(self) -> tuple[list[str], frozenset[int]]:
        llama_cpp = self._library
        vocabulary = llama_cpp.llama_model_get_vocab(self._llama.model)
        ids = range(llama_cpp.llama_vocab_n_tokens(vocabulary))
        tokens = [llama_cpp.llama_vocab_get_text(vocabulary, token).decode() for token in ids]
        control = [token for token in ids if llama_cpp.llama_vocab_get_attr(vocabulary, token) & CONTROL]
        return tokens, frozenset(control)

    def tokenize(self, text: str) -> list[int]:
        """llama.cpp's own token ids of `text`, special tokens taken as plain text."""
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=False))

    def count(self, text: str) -> int:
        """How many tokens of this model `text` has."""
        return self._counter(text)

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Token ids that `generate` gives to the model. Raises ModelError for a file without a template of chats."""
        template = self._llama.metadata.get("tokenizer.chat_template")
        if template is None:
            raise ModelError(f"The language model {self.name} has no template of chats, so it cannot be tuned.")
        formatter = _library().llama_chat_format.Jinja2ChatFormatter(
            template=template,
            eos_token=self._llama.detokenize([self._llama.token_eos()], special=True).decode(),
            bos_token=self._llama.detokenize([self._llama.token_bos()], special=True).decode(),
        )
        text = formatter(messages=list(messages)).prompt
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=True))

    @property
    def end(self) -> int:
        """The token that ends a reply."""
        return int(self._llama.token_eos())

    def generate(
        self, messages: Sequence[Mapping[str, str]], max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        """Stream the reply in pieces of text, greedily. Raises ModelError if the prompt does not fit the context."""
        try:
            stream = self._llama.create_chat_completion(
                list(messages), max_tokens=max_tokens, stop=list(stop), temperature=0.0, stream=True
            )
            for piece in stream:
                if text := piece["choices"][0]["delta"].get("content"):
                    yield text
        except ValueError as error:
            raise ModelError(f"The language model {self.name} refused the prompt: {error}") from error

    def rates(self, read: int = READ, written: int = WRITTEN) -> tuple[float, float]:
        """Tokens a second that llama.cpp itself reads and writes with these settings, as its own benchmark does.

        A prompt of `read` tokens in whole batches, then `written` single ones; no text is made of them.
        """
        library, context = self._library, self._llama.ctx
        library.llama_memory_clear(library.llama_get_memory(context), True)
        prompt = [1000 + place % 4096 for place in range(read)]
        started = time.perf_counter()
        for first in range(0, read, self._llama.n_batch):
            self._decode(prompt[first : first + self._llama.n_batch])
        middle = time.perf_counter()
        for place in range(written):
            self._decode([2000 + place])
        ended = time.perf_counter()
        self._llama.reset()
        library.llama_memory_clear(library.llama_get_memory(context), True)
        return read / (middle - started), written / (ended - middle)

    def perplexity(self, text: str) -> float:
        """exp of the mean negative log-likelihood of the first tokens of `text`, each given those before it."""
        library, context = self._library, self._llama.ctx
        library.llama_memory_clear(library.llama_get_memory(context), True)
        tokens = self.tokenize(text)[:JUDGED]
        lost = 0.0
        for token, following in pairwise(tokens):
            self._decode([token])
            logits = np.ctypeslib.as_array(library.llama_get_logits_ith(context, -1), shape=(self._llama.n_vocab(),))
            top = float(logits.max())
            lost += top + math.log(float(np.exp(logits - top, dtype=np.float64).sum())) - float(logits[following])
        self._llama.reset()
        library.llama_memory_clear(library.llama_get_memory(context), True)
        return math.exp(lost / (len(tokens) - 1))

    def _decode(self, tokens: Sequence[int]) -> None:
        library = self._library
        array = (library.llama_token * len(tokens))(*tokens)
        if library.llama_decode(self._llama.ctx, library.llama_batch_get_one(array, len(tokens))) != 0:
            raise ModelError(f"llama.cpp cannot read {len(tokens)} tokens with the settings of {self.name}.")
        library.llama_synchronize(self._llama.ctx)


def load_generator(
    models: Path,
    path: Path | None,
    say: Callable[[str], None],
    adapted: Callable[[str], Adaptation | None] = lambda _: None,
) -> LlamaGenerator:
    """The language model: the catalogue's, taught to write answers and requantised, or the GGUF file at `path`.

    Args:
        models: the home's folder for files made from weights.
        say: told, for people, when something slow happens (the one-time requantisation).
        adapted: asked for the additions to weights of a hash.

    Raises:
        ModelError: weights missing, not the catalogue's, or not loadable.
    """
    choice = recall(models, PARENT) if path is None else DEFAULT
    weights = language_weights(models, path, say, choice)
    return LlamaGenerator(weights, adapted(weights.sha256), choice)


def language_weights(
    models: Path, path: Path | None, say: Callable[[str], None], choice: Choice = DEFAULT
) -> LanguageWeights:
    """What `load_generator` loads, with its arguments. Raises ModelError where it is missing or altered."""
    if path is not None:
        if not path.is_file():
            raise ModelError(f"There is no model file {path}; name a GGUF file, or leave --model out.")
        return LanguageWeights(path, path.stem, sha256(path))

    name = LANGUAGE.name.removesuffix("-Q4_1")

    def make(target: Path) -> None:
        say("Preparing the language model for this machine (once, a few seconds) …")
        packaged, learnt = (verify(entry, models=models) / next(iter(entry.files)) for entry in (LANGUAGE, WRITER))
        whole = target.with_suffix(".f16")
        requantise(packaged, whole, "F16")
        gguf.add(whole, learnt)
        requantise(whole, target, choice.weights)
        whole.unlink()

    path = derived(models, f"{name}.{choice.weights}.gguf", PARENT, RECIPE.format(choice.weights), make)
    return LanguageWeights(path, f"{name}+{WRITER.name}", PARENT)


def requantise(source: Path, target: Path, weights: str = DEFAULT.weights) -> None:
    """Write `source` with other weights ("Q8_0", "F16"). Raises ModelError if llama.cpp cannot."""
    llama_cpp = _library()
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{weights}")
    parameters.allow_requantize = True
    parameters.nthread = usable_cores()
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters)) != 0:
        raise ModelError(f"llama.cpp could not requantise {source}; see whether its disk is full.")


_silent: list[Any] = []  # the log callback; ctypes must keep it alive as long as the library may call it


def _library() -> Any:
    """llama_cpp, with its native log turned off (it prints on stderr whatever `verbose` says)."""
    # Threads that wait sleep instead of spinning: as fast on an idle machine, twice as fast on a busy one (12 against
    # 22 s for an answer beside two busy processes). OpenMP reads this when it is loaded, with llama.cpp.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import llama_cpp  # late: 0.25 s

    if not _silent:
        # The wrapper's own way to be quiet takes stdout and stderr from the whole process while it loads: whatever
        # another thread prints meanwhile, an answer perhaps, would be lost.
        quiet = llama_cpp._utils.suppress_stdout_stderr
        quiet.__enter__, quiet.__exit__ = (lambda self: self), (lambda *_: None)
        _silent.append(llama_cpp.llama_log_callback(lambda _level, _text, _data: None))
        llama_cpp.llama_log_set(_silent[0], ctypes.c_void_p(0))
        if b"AMX_INT8 = 1" in llama_cpp.llama_print_system_info():
            _without_amx(llama_cpp.llama_cpp)
    return llama_cpp


def _without_amx(bindings: Any) -> None:
    """Keep llama.cpp off a processor's matrix tiles (Intel AMX): compiled by GCC 12, it stops at the first long prompt.

    Their configuration lies on the stack, where the compiler takes it for unused (ggml-org/llama.cpp, pull request
    26954): an illegal instruction, which nothing can catch. Tiles come with the extra buffer types, a setting that the
    wrapper does not hand through.
    """
    made = bindings.llama_model_default_params

    def defaults() -> Any:
        parameters = made()
        parameters.use_extra_bufts = False
        return parameters

    bindings.llama_model_default_params = defaults
