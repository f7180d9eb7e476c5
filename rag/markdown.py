"""Text that Markdown shows as it is. Knows nothing about what is reported."""

import re

from rag.term import one_line

_MARKUP = re.compile(r"[\\*\[\]~]|(?<!\w)_|_(?!\w)|^[#+-]")
_ORDINAL = re.compile(r"^(\d+)([.)])(?=\s|$)")  # "1. " begins a list; "1.2 " does not
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "&#96;", "|": "&#124;"}


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, table, HTML, link or control character survives."""
    escaped = _ORDINAL.sub(r"\1\\\2", _MARKUP.sub(lambda match: f"\\{match[0]}", one_line(text)))
    for character, entity in _ENTITIES.items():
        escaped = escaped.replace(character, entity)
    return escaped.replace("://", "&#58;//").replace("www.", "www&#46;")
