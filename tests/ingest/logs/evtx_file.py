"""Writes a small .evtx file: one chunk, plain binary XML without templates.

The format: https://github.com/libyal/libevtx/blob/main/documentation/Windows%20XML%20Event%20Log%20(EVTX).asciidoc
"""

import struct
import zlib
from collections.abc import Sequence
from xml.etree import ElementTree

_CHUNK = 0x10000
_TAG = 5  # bytes of an opening tag before its name
_FILETIME = 134_169_192_000_000_000  # 2026-03-02T10:00:00Z


def evtx(events: Sequence[str]) -> bytes:
    """The bytes of a file with these events, each given as XML."""
    records = bytearray()
    last = 512
    for number, event in enumerate(events, 1):
        last = 512 + len(records)
        body = b"\x0f\x01\x01\x00" + _element(ElementTree.fromstring(event), last + 24 + 4) + b"\x00"
        body += b"\0" * (-len(body) % 8)
        size = 24 + len(body) + 4
        records += struct.pack("<IIQQ", 0x2A2A, size, number, _FILETIME) + body + struct.pack("<I", size)
    count, free = len(events), 512 + len(records)
    head = b"ElfChnk\0" + struct.pack("<QQQQIII", 1, count, 1, count, 128, last, free)
    head += struct.pack("<I", zlib.crc32(records)) + bytes(64) + bytes(4)
    table = bytes(512 - 128)
    chunk = head + struct.pack("<I", zlib.crc32(head[:120] + table)) + table + records
    file = b"ElfFile\0" + struct.pack("<QQQIHHHH", 0, 0, count + 1, 128, 1, 3, 4096, 1) + bytes(76)
    file += struct.pack("<II", 0, zlib.crc32(file[:120]))
    return file.ljust(4096, b"\0") + chunk.ljust(_CHUNK, b"\0")


def _name(name: str, at: int) -> bytes:
    """A name that stands right here, at this offset of the chunk."""
    return struct.pack("<IIHH", at + 4, 0, 0, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _text(value: str) -> bytes:
    return struct.pack("<BBH", 5, 1, len(value)) + value.encode("utf-16-le")


def _element(element: ElementTree.Element, at: int) -> bytes:
    """An element and what is in it; `at`: its offset in the chunk."""
    name = element.tag.rpartition("}")[2]
    out = _name(name, at + _TAG)
    if element.attrib:
        attributes = b""
        begin = at + _TAG + len(out) + 4
        for index, (key, value) in enumerate(element.attrib.items(), 1):
            more = 0x40 if index < len(element.attrib) else 0
            attributes += bytes([0x06 | more]) + _name(key, begin + len(attributes) + 1) + _text(value)
        out += struct.pack("<I", len(attributes)) + attributes
    content = b"\x02"
    if element.text and element.text.strip():
        content += _text(element.text.strip())
    for child in element:
        content += _element(child, at + _TAG + len(out) + len(content))
    content += b"\x04"
    token = 0x41 if element.attrib else 0x01
    return struct.pack("<BI", token, len(out) + len(content)) + out + content
