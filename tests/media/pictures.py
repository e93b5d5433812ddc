"""Pictures as people send them, and as nobody should."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms

RED, BLUE = (200, 30, 30), (30, 30, 200)
# Rennes, to find out whether a photo still tells it.
PLACE = (48.0, 6.0, 41.0)
SECRETS = (b"Canon", b"Exif", b"GPS", b"photoshop", b"xmpmeta", b"Rue du Secret")


def two_colours(width: int = 1600, height: int = 1200, mode: str = "RGB") -> Image.Image:
    """Blue at the left, red at the right."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (0, 0, width // 2, height))
    return picture.convert(mode)


def as_bytes(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def jpeg(width: int = 1600, height: int = 1200) -> bytes:
    return as_bytes(two_colours(width, height), quality=80)


def exif(orientation: int = 1) -> bytes:
    """What a camera writes: its name, a position, and which side is up."""
    told = Image.Exif()
    told[0x010F], told[0x0112] = "Canon", orientation
    position = told.get_ifd(0x8825)
    position[1], position[2], position[3], position[4] = "N", PLACE, "W", PLACE
    return bytes(told.tobytes())


def with_traces(picture: Image.Image) -> bytes:
    """A JPEG with EXIF, GPS, XMP, IPTC and a comment."""
    plain = as_bytes(
        picture, exif=exif(), comment=b"Rue du Secret", xmp=b"<x:xmpmeta>Rue du Secret</x:xmpmeta>"
    )
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x12\x1c\x02\x19\x00\x0dRue du Secret"
    segment = b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
    return plain[:2] + segment + plain[2:]


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of a few kilobytes whose pixels would take gigabytes."""
    rows = zlib.compress(bytes(width // 8 + 1) * min(height, 2000), 9)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)), (b"IDAT", rows)]
    content = b"\x89PNG\r\n\x1a\n"
    for name, body in (*parts, (b"IEND", b"")):
        content += struct.pack(">I", len(body)) + name + body
        content += struct.pack(">I", zlib.crc32(name + body))
    return content


def swapped_profile() -> bytes:
    """The colour profile of a device whose red is what screens call blue."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = plain.replace(b"rXYZ", b"....").replace(b"bXYZ", b"rXYZ").replace(b"....", b"bXYZ")
    return bytes(swapped)


def moving(kind: str) -> bytes:
    frames = [Image.new("RGB", (64, 48), colour) for colour in (RED, BLUE)]
    return as_bytes(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>1</script></svg>'


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def is_near(seen: Any, wanted: tuple[int, int, int], reach: int = 24) -> bool:
    return all(abs(one - other) <= reach for one, other in zip(seen, wanted, strict=True))
