"""The text that drawings of Office files hold: shapes, and the diagrams called SmartArt (DrawingML).

What a picture or a chart shows is not read; `Left` counts what a reader left out, so that it can be said.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ingest.readers.xml import Element, descendants, local, value

FEW = 200
"""Characters: a document with fewer and with pictures is probably made of pictures."""


@dataclass(slots=True)
class Left:
    """What was left out of a document."""

    images: int = 0
    charts: int = 0
    hidden: int = 0  # pieces of hidden text
    embedded: list[str] = field(default_factory=list)  # names of files inside the file

    def look(self, element: Element, targets: Mapping[str, str]) -> None:
        """Count what a drawing holds beside text; `targets` are names of parts by the ids that the drawing uses."""
        for entry in element.iter():
            name = local(entry)
            if name in ("blip", "imagedata"):
                self.images += 1
            elif name == "chart":
                self.charts += 1
            elif name in ("OLEObject", "oleObj"):
                target = targets.get(value(entry, "id") or "", "").rpartition("/")[2]
                self.embedded.append(target or value(entry, "ProgID") or value(entry, "progId") or "object")

    def notes(self, characters: int) -> list[str]:
        """Sentences about what may hold text; `characters` is the length of the text that was read."""
        notes = []
        if self.embedded:
            shown = ", ".join(dict.fromkeys(self.embedded[:10])) + (", …" if len(self.embedded) > 10 else "")
            notes.append(f"files embedded in it are not read: {shown}; save them beside it")
        if self.charts:
            notes.append(f"{self.charts} charts are not read")
        if self.hidden:
            notes.append(f"{self.hidden} pieces of hidden text are not read")
        if self.images and characters < FEW:
            notes.append(
                f"it holds {self.images} pictures and hardly any text; text in them is not read, save it as PDF"
            )
        return notes


def paragraph_text(paragraph: Element) -> str:
    """The text of one `a:p`."""
    parts = []
    for entry in paragraph.iter():
        name = local(entry)
        if name == "t":
            parts.append(entry.text or "")
        elif name == "br":
            parts.append("\n")
    return "".join(parts)


def diagram(element: Element, tree: Callable[[str], Element | None]) -> Iterator[str]:
    """The paragraphs of the SmartArt that a drawing refers to; `tree` gives the part that an id means."""
    for entry in descendants(element, "relIds"):
        for paragraph in descendants(tree(value(entry, "dm") or ""), "p"):
            if text := paragraph_text(paragraph).strip():
                yield text
