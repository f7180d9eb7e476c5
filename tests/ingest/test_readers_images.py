import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ingest.errors import ReadError
from ingest.readers import images, read
from ingest.types import FileStatus, Source, SourceFile


def source_of(data: bytes, name: str = "scan.tif") -> Source:
    return Source(name, io.BytesIO(data), len(data))


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_each_frame_is_a_page_to_be_recognised() -> None:
    frames = [Image.new("L", (900, 30), shade) for shade in (10, 20, 30)]
    source = source_of(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    document = images.read(source)
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert document.scans == document.pages_without_text == (1, 2, 3)
    assert [int(images.render(source, number, 200)[0, 0]) for number in (1, 2, 3)] == [10, 20, 30]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "LA"])
def test_every_kind_of_pixel_becomes_grey(mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    assert images.render(source_of(saved(Image.new(mode, (50, 20)), kind)), 1, 200).shape == (20, 50)


def test_what_is_transparent_is_white() -> None:
    assert images.render(source_of(saved(Image.new("RGBA", (5, 5), (0, 0, 0, 0)))), 1, 200).min() == 255


def test_a_photo_is_turned_as_the_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: a quarter turn
    assert images.render(source_of(saved(Image.new("L", (60, 20)), "JPEG", exif=exif)), 1, 200).shape == (60, 20)


def test_large_scans_are_made_smaller() -> None:
    pixels = images.render(source_of(saved(Image.new("1", (6000, 8000)))), 1, 200)
    assert 11_900_000 < pixels.size <= 12_000_000


@pytest.mark.parametrize("side", [9_000, 40_000], ids=["let through by Pillow", "refused by it"])
def test_a_bomb_is_too_large(side: int) -> None:
    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = part(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + part(b"IDAT", zlib.compress(b"")) + part(b"IEND", b"")
    with pytest.raises(ReadError, match="pixels") as raised:
        images.read(source_of(bomb, "a.png"))
    assert raised.value.status is FileStatus.TOO_LARGE


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_damaged_images_are_damaged(cut: int) -> None:
    noise = Image.effect_noise((64, 64), 50)
    with pytest.raises(ReadError) as raised:
        images.render(source_of(saved(noise)[:cut]), 1, 200)
    assert raised.value.status in {FileStatus.DAMAGED, FileStatus.UNSUPPORTED}


def test_a_logo_is_no_page() -> None:
    with pytest.raises(ReadError, match="too small") as raised:
        images.read(source_of(saved(Image.new("L", (400, 100))), "logo.png"))
    assert raised.value.status is FileStatus.UNSUPPORTED


@pytest.mark.parametrize("name", ["a.png", "A.JPG", "a.jpeg", "a.tif", "a.tiff"])
def test_images_are_documents_by_their_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(saved(Image.new("L", (1000, 1000))))
    assert read(SourceFile(tmp_path, name)).scans == (1,)


def test_a_frame_that_is_not_there_is_damaged() -> None:
    with pytest.raises(ReadError):
        images.render(source_of(saved(Image.new("L", (5, 5)))), 2, 200)


def test_other_formats_are_not_tried() -> None:
    """Pillow reads some that run programs (EPS) or are seldom tested."""
    with pytest.raises(ReadError) as raised:
        images.read(source_of(saved(Image.new("L", (900, 900)), "BMP"), "a.png"))
    assert raised.value.status is FileStatus.UNSUPPORTED
