"""Evidence to a prompt: short, counted in the model's own tokens; nothing in it but the question and quotations."""

from collections.abc import Mapping, Sequence

from rag.types import Generator

BUDGET = 400  # tokens of evidence; prompt length is what the user waits for (1,000 tokens are 2 to 4 s)


def build(question: str, quotes: Sequence[str], generator: Generator) -> tuple[list[Mapping[str, str]], int]:
    """Messages for the model, and how many of `quotes` (best first) fitted into the budget; the first always does."""
    kept: list[str] = []
    for quote in quotes:
        flat = " ".join(quote.split())
        if kept and generator.count("\n\n".join([*kept, flat])) > BUDGET:
            break
        kept.append(flat)
    # The plainest of five prompts tried on the dev questions: the only one that gave a true sentence, and it gave one.
    text = "\n\n".join(kept)
    asked = f"Based on the text above, answer in one complete sentence: {' '.join(question.split())}"
    return [{"role": "user", "content": f"{text}\n\n{asked}"}], len(kept)
