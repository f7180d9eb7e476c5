"""An answer with its personal data masked. Its quotations say so: they are no longer the page's exact words."""

from dataclasses import replace

from rag.personal.mask import Masker
from rag.types import Answer, Citation, Counted


def redacted(answer: Answer, masker: Masker) -> Answer:
    """`answer` with every text masked; places, paths and hashes stay, so that whoever may can look them up."""
    citations = tuple(_citation(item, masker) for item in answer.citations)
    changed = ", ".join(f"[{item.number}]" for item in citations if item.redacted)
    told = (f"Personal data is masked: {changed} no longer say exactly what their pages say.",) if changed else ()
    return replace(
        answer,
        question=masker.text(answer.question),
        answer=masker.text(answer.answer),
        citations=citations,
        nearest=tuple(_citation(item, masker) for item in answer.nearest),
        missing=tuple(map(masker.text, answer.missing)),
        warnings=(*map(masker.text, answer.warnings), *told),
        counted=_counted(answer.counted, masker) if answer.counted else None,
    )


def _counted(counted: Counted, masker: Masker) -> Counted:
    return replace(counted, conditions=tuple(map(masker.text, counted.conditions)))


def _citation(citation: Citation, masker: Masker) -> Citation:
    quote, section = masker.text(citation.quote), masker.text(citation.section)
    if quote == citation.quote:
        return replace(citation, section=section)
    return replace(citation, quote=quote, section=section, words=None, redacted=True)
