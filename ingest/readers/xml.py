"""Parses XML and HTML that may be hostile; the one door to lxml.

Nothing is fetched, no entity of a document's own is expanded, and libxml2's limits hold: 256 levels of nesting in XML,
2,048 in HTML. Elements are told apart by their local names, since strict and transitional Office files differ in
nothing but namespaces. Knows no format.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import IO, Any

from ingest.errors import ReadError
from ingest.types import FileStatus

Element = Any  # lxml brings no types
"""An lxml element. Comments and processing instructions are never handed out."""

_OPTIONS: dict[str, Any] = {"resolve_entities": False, "no_network": True, "remove_comments": True, "remove_pis": True}


def parsed(data: bytes, what: str) -> Element:
    """The root of an XML text; `what` names it in messages. Raises ReadError DAMAGED."""
    from lxml import etree  # late: 0.03 s to import, and only for files of its kind

    try:
        root = etree.fromstring(data, etree.XMLParser(**_OPTIONS))
    except etree.XMLSyntaxError as error:
        raise _damaged(what, error) from error
    _refuse_entities(root, what)
    return root


def streamed(file: IO[bytes], tags: set[str], what: str) -> Iterator[Element]:
    """The elements with one of these local names, each as soon as it is complete; its content is dropped afterwards.

    Raises ReadError DAMAGED, in the midst where the damage lies there.
    """
    from lxml import etree

    elements = etree.iterparse(file, tag=[f"{{*}}{tag}" for tag in tags], **_OPTIONS)
    try:
        for _event, element in elements:
            yield element
            element.clear()
            while element.getprevious() is not None:  # else a million empty elements stay behind
                del element.getparent()[0]
        _refuse_entities(elements.root, what)
    except etree.XMLSyntaxError as error:
        raise _damaged(what, error) from error


def parsed_html(text: str) -> Element | None:
    """The root of an HTML text, mended as browsers do; None where there is nothing in it. Raises ReadError DAMAGED."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.encode("utf-8", errors="replace"), parser)
    except etree.XMLSyntaxError:  # libxml2's word for an empty document
        return None
    if any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for error in parser.error_log):
        raise ReadError(FileStatus.DAMAGED, "its HTML is nested deeper than 2,048 levels; no program writes that")
    return root


def walked(root: Element) -> Any:
    """Iterates over ("start" or "end", element) in the order of the text, without recursion.

    Its `skip_subtree()`, called after a start, leaves out what is inside; the end comes all the same.
    """
    from lxml import etree

    return etree.iterwalk(root, events=("start", "end"))


def local(element: Element) -> str:
    """The name without its namespace; "" for what is no element."""
    return _local(element.tag)


@lru_cache(maxsize=4096)  # a sheet asks a million times about a handful of names
def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def value(element: Element | None, name: str = "val") -> str | None:
    """An attribute by its local name."""
    if element is None:
        return None
    found = element.get(name)
    if found is not None:
        return str(found)
    return next((str(text) for key, text in element.attrib.items() if key.endswith(f"}}{name}")), None)


def child(element: Element | None, *path: str) -> Element | None:
    """The first descendant that is reached by these local names; None where there is none."""
    for name in path:
        if element is None:
            return None
        element = next((inner for inner in element if local(inner) == name), None)
    return element


def children(element: Element | None, name: str) -> list[Element]:
    """The children with this local name."""
    return [] if element is None else [inner for inner in element if local(inner) == name]


def descendants(element: Element | None, *names: str) -> Iterator[Element]:
    """All elements below with one of these local names, in order."""
    return iter(()) if element is None else element.iterdescendants(*(f"{{*}}{name}" for name in names))


def whole(text: str | None, default: int) -> int:
    """The whole number that an attribute spells, between -2^31 and 2^31; `default` where it spells none."""
    try:
        return max(-(2**31), min(2**31, int(text[:12]))) if text else default
    except ValueError:
        return default


def _damaged(what: str, error: Exception) -> ReadError:
    return ReadError(FileStatus.DAMAGED, f"{what} is not valid XML ({str(error)[:120]}); open it and save it anew")


def _refuse_entities(root: Element | None, what: str) -> None:
    if root is not None and root.getroottree().docinfo.internalDTD is not None:
        raise ReadError(FileStatus.DAMAGED, f"{what} defines entities of its own, as no office program does")
