"""What is sent, made anew as a photo. Run as a process of its own: `python -m …media.images`.

Nothing of what was sent is served: its pixels are read, turned upright, brought to sRGB, made small
and written anew, so that no position, no name of a camera and no other file hidden in it is left.

Decoders are large programs in C that read what anybody may send. So the process gives itself limits
of memory and time before it looks at a single byte, knows no setting and no secret, and has no more
to lose than itself. It reads standard input, and writes to standard output a line of JSON and then
the bytes of the files one after the other; of what it refuses, `{"mistake": …}` alone.
"""

import io
import json
import sys
import warnings
from collections.abc import Iterator
from typing import IO, Any

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from mapservice.media.model import (
    JPEG,
    MAX_HEIGHT,
    MAX_PIXELS,
    SHARED_WIDTH,
    WEBP,
    WIDTHS,
    PhotoMistake,
)

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")
# Of address space, libraries included: twice what the largest picture takes, decoded.
MEMORY_BYTES = 1_400_000_000
CPU_SECONDS = 25
WEBP_QUALITY, JPEG_QUALITY = 80, 82
ORIENTATION = 0x0112
# Values of the tag that lay a picture on its side.
SIDEWAYS = (5, 6, 7, 8)


class Refused(Exception):
    """`mistake` says why it is no photo."""

    def __init__(self, mistake: PhotoMistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def read(source: IO[bytes]) -> Image.Image:
    """The picture in RGB as sRGB, upright, at most as large as its widest file. Raises Refused."""
    try:
        opened = Image.open(source, formats=FORMATS)
    except UnidentifiedImageError:
        raise Refused(PhotoMistake.FORMAT) from None
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise Refused(PhotoMistake.PIXELS)
    # Several pictures in a HEIC or a JPEG of a phone are the same one in other sizes and depths.
    if opened.format in ("PNG", "WEBP", "AVIF") and getattr(opened, "is_animated", False):
        raise Refused(PhotoMistake.ANIMATED)
    orientation = _orientation(opened)
    box = (WIDTHS[-1], MAX_HEIGHT)
    size = _within((width, height), box[::-1] if orientation in SIDEWAYS else box)
    opened.draft(opened.mode, size)  # a JPEG is decoded no larger than it has to be
    opened.load()
    profile = opened.info.get("icc_profile")
    small = _plain(opened)
    if small.size != size:
        small = small.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    small = _as_srgb(small, profile)
    # Turned as EXIF says; nothing else that the file told is kept.
    tag = Image.Exif()
    tag[ORIENTATION] = orientation
    small.info = {"exif": tag.tobytes()}
    turned = ImageOps.exif_transpose(small)
    turned.info = {}
    return turned


def files(picture: Image.Image) -> Iterator[tuple[Image.Image, str, bytes]]:
    """Each file with its picture and the suffix of its format: WebP by width, then JPEG."""
    widths = [width for width in WIDTHS if width < picture.width]
    for width in (*widths, picture.width):
        shown = _at_width(picture, width)
        yield shown, WEBP, _saved(shown, "WEBP", quality=WEBP_QUALITY, method=2)
    shown = _at_width(picture, min(SHARED_WIDTH, picture.width))
    yield shown, JPEG, _saved(shown, "JPEG", quality=JPEG_QUALITY, progressive=True, optimize=True)


def _orientation(opened: Image.Image) -> int:
    """As EXIF says it; upright where that is broken."""
    try:
        found = opened.getexif().get(ORIENTATION, 1)
    except Exception:
        return 1
    return found if isinstance(found, int) else 1


def _plain(opened: Image.Image) -> Image.Image:
    """In a mode that can be made smaller: L, RGB or CMYK, without transparency."""
    if opened.mode.startswith("I"):
        import numpy as np  # for pictures of 16 bits alone

        grey = np.asarray(opened)
        shift = 8 if grey.max(initial=0) > 255 else 0
        return Image.fromarray((grey.clip(0, 65_535).astype(np.uint16) >> shift).astype(np.uint8))
    if opened.mode in ("L", "RGB", "CMYK"):
        return opened if "transparency" not in opened.info else _on_white(opened)
    if opened.mode in ("P", "PA", "LA", "RGBA", "RGBa", "La"):
        return _on_white(opened)
    return opened.convert("RGB")


def _on_white(opened: Image.Image) -> Image.Image:
    # Made small first: transparency takes the memory of several copies.
    factor = max(1, min(opened.width // WIDTHS[-1], opened.height // MAX_HEIGHT))
    clear = opened.convert("RGBA")
    if factor > 1:
        clear = clear.reduce(factor)
    white = Image.new("RGB", clear.size, "white")
    white.paste(clear, mask=clear.getchannel("A"))
    return white


def _as_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as browsers take them that are told no profile; a broken one is passed over."""
    if profile:
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            made = ImageCms.profileToProfile(
                picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            made = None
        if made is not None:
            return made
    return picture.convert("RGB")


def _within(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """The size of a picture of the same shape within a box; never larger than it is."""
    scale = min(1.0, box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _at_width(picture: Image.Image, width: int) -> Image.Image:
    if width == picture.width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def _limit() -> None:
    """Of this process; what goes beyond ends it, or is a MemoryError."""
    import resource  # where there is none (Windows), the parent's time limit is left

    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _read_heic() -> None:
    import pi_heif

    pi_heif.register_heif_opener(thumbnails=False)


def main() -> None:
    _limit()
    warnings.simplefilter("ignore")
    # The header is looked at here; past it, Pillow's own bound is one more.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    told: dict[str, Any] = {}
    made: list[tuple[Image.Image, str, bytes]] = []
    try:
        _read_heic()
        made = list(files(read(sys.stdin.buffer)))
        told["files"] = [
            {"width": shown.width, "height": shown.height, "suffix": suffix, "bytes": len(content)}
            for shown, suffix, content in made
        ]
    except Refused as refused:
        told["mistake"] = str(refused.mistake)
    except (Image.DecompressionBombError, MemoryError):
        told["mistake"] = str(PhotoMistake.PIXELS)
    except Exception:
        # Decoders raise what they like: SyntaxError, struct.error, EOFError, OSError …
        told["mistake"] = str(PhotoMistake.BROKEN)
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n")
    for _shown, _suffix, content in made:
        sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
