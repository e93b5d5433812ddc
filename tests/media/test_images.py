"""What is sent becomes a photo of ours, or is refused by what is wrong with it."""

import io
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from mapservice.media import encoding
from mapservice.media.encoding import PhotoRefused, encode
from mapservice.media.model import MAX_PIXELS, WIDTHS, EncodedPhoto, PhotoMistake
from tests.media import pictures

HEIC = Path(__file__).parent / "red_and_blue.heic"
MOST = 20_000_000


def made(content: bytes, most: int = MOST) -> EncodedPhoto:
    return encode(io.BytesIO(content), most)


def mistake(content: bytes, most: int = MOST) -> PhotoMistake:
    with pytest.raises(PhotoRefused) as refused:
        made(content, most)
    return refused.value.mistake


def test_a_photo_has_a_file_of_each_width_and_none_that_is_wider_than_itself() -> None:
    large = made(pictures.jpeg(3000, 2000))
    assert [one.width for one in large.webp] == list(WIDTHS)
    assert large.webp[-1].height == round(2048 * 2 / 3)
    assert large.shared.width == 1200
    small = made(pictures.jpeg(800, 600))
    assert [(one.width, one.height) for one in small.webp] == [(320, 240), (640, 480), (800, 600)]
    tiny = made(pictures.jpeg(20, 10))
    assert [one.width for one in tiny.webp] == [20]
    for photo in (large, small, tiny):
        for one in photo.files:
            shown = pictures.opened(one.content)
            assert shown.size == (one.width, one.height)
            assert shown.format == {"webp": "WEBP", "jpg": "JPEG"}[one.suffix]


def test_nothing_that_a_camera_wrote_is_left() -> None:
    sent = pictures.with_traces(pictures.two_colours())
    assert all(one in sent for one in (b"Canon", b"Photoshop", b"xmpmeta", b"Rue du Secret"))
    for one in made(sent).files:
        assert not [word for word in pictures.SECRETS if word.lower() in one.content.lower()]
        shown = pictures.opened(one.content)
        assert not shown.getexif()
        assert not {"exif", "xmp", "icc_profile", "comment", "photoshop"} & shown.info.keys()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_whichever_way_the_camera_was_held(orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    seen = pictures.two_colours(900, 600)
    held = seen.transpose(turns[orientation]) if orientation in turns else seen
    widest = made(pictures.as_bytes(held, exif=pictures.exif(orientation))).webp[-1]
    shown = pictures.opened(widest.content).convert("RGB")
    assert shown.size == (900, 600)
    assert pictures.is_near(shown.getpixel((100, 300)), pictures.BLUE)
    assert pictures.is_near(shown.getpixel((800, 300)), pictures.RED)


def test_a_tall_photo_held_sideways_keeps_its_whole_width() -> None:
    held = pictures.two_colours(4000, 3000)
    photo = made(pictures.as_bytes(held, exif=pictures.exif(6)))
    assert (photo.webp[-1].width, photo.webp[-1].height) == (2048, 2731)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "RGB"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("PNG", "LA"),
        ("PNG", "1"),
        ("WEBP", "RGB"),
        ("AVIF", "RGB"),
    ],
)
def test_every_format_and_mode_is_read(kind: str, mode: str) -> None:
    sent = pictures.as_bytes(pictures.two_colours(640, 480, mode), kind)
    shown = pictures.opened(made(sent).webp[-1].content).convert("RGB")
    left, right = shown.getpixel((100, 240)), shown.getpixel((540, 240))
    if mode in ("L", "LA", "1"):
        assert left != right or mode == "1"
    else:
        assert pictures.is_near(left, pictures.BLUE, 40)
        assert pictures.is_near(right, pictures.RED, 40)


def test_a_photo_of_a_telephone_in_heic_is_read() -> None:
    photo = made(HEIC.read_bytes())
    shown = pictures.opened(photo.webp[-1].content).convert("RGB")
    assert shown.size == (96, 64)
    assert pictures.is_near(shown.getpixel((10, 30)), pictures.BLUE)
    assert pictures.is_near(shown.getpixel((85, 30)), pictures.RED)
    assert not shown.getexif()


def test_sixteen_bits_are_brought_to_eight_not_cut_off() -> None:
    import numpy as np

    steps = np.tile(np.linspace(0, 65_535, 256, dtype=np.uint16), (64, 1))
    sent = pictures.as_bytes(Image.fromarray(steps), "PNG")
    shown = pictures.opened(made(sent).webp[-1].content).convert("L")
    middle = shown.getpixel((128, 30))
    assert isinstance(middle, int)
    assert abs(middle - 128) < 8


def test_what_is_seen_through_is_laid_on_white() -> None:
    clear = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    shown = pictures.opened(made(pictures.as_bytes(clear, "PNG")).webp[-1].content)
    assert pictures.is_near(shown.convert("RGB").getpixel((200, 150)), (255, 255, 255), 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_colours_of_another_device_become_those_of_screens(kind: str) -> None:
    told = pictures.swapped_profile()
    sent = pictures.as_bytes(pictures.two_colours(400, 300), kind, icc_profile=told)
    shown = pictures.opened(made(sent).webp[-1].content).convert("RGB")
    assert "icc_profile" not in shown.info
    assert pictures.is_near(shown.getpixel((50, 150)), pictures.RED, 40)
    assert pictures.is_near(shown.getpixel((350, 150)), pictures.BLUE, 40)


def test_a_broken_profile_is_passed_over() -> None:
    broken = pictures.as_bytes(pictures.two_colours(400, 300), "PNG", icc_profile=b"no profile")
    plain = pictures.opened(made(broken).webp[-1].content).convert("RGB")
    assert pictures.is_near(plain.getpixel((50, 150)), pictures.BLUE)


@pytest.mark.parametrize(
    "content",
    [pictures.SVG, b"", b"%PDF-1.7\n", b"<html><script>alert(1)</script>", b"GIF89a" + b"\0" * 99],
)
def test_what_is_no_photo_is_refused_as_such(content: bytes) -> None:
    assert mistake(content) is PhotoMistake.FORMAT


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP", "ICO"])
def test_formats_of_other_uses_are_refused(kind: str) -> None:
    sent = pictures.as_bytes(pictures.two_colours(64, 48), kind)
    assert mistake(sent) is PhotoMistake.FORMAT


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_what_moves_is_refused(kind: str) -> None:
    assert mistake(pictures.moving(kind)) is PhotoMistake.ANIMATED


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_half_a_file_is_refused(kind: str) -> None:
    whole = pictures.as_bytes(pictures.two_colours(800, 600), kind)
    assert mistake(whole[: len(whole) // 2]) in (PhotoMistake.BROKEN, PhotoMistake.FORMAT)


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    sent = pictures.bomb()
    assert len(sent) < 100_000
    start = time.monotonic()
    assert mistake(sent) is PhotoMistake.PIXELS
    assert time.monotonic() - start < encoding.LONGEST_SECONDS / 2
    # Just beyond the bound too, which Pillow's own is twice of.
    assert mistake(pictures.bomb(8000, MAX_PIXELS // 8000 + 1)) is PhotoMistake.PIXELS


def test_a_file_of_too_many_bytes_is_refused_unread() -> None:
    assert mistake(pictures.jpeg() + bytes(1000), most=1000) is PhotoMistake.BYTES


def test_what_hides_behind_a_photo_is_not_served() -> None:
    """A JPEG that is a page and an archive too."""
    hidden = b"<script>alert(document.cookie)</script>PK\x03\x04"
    for sent in (
        pictures.jpeg(400, 300) + hidden,
        pictures.as_bytes(pictures.two_colours(400, 300), comment=hidden),
    ):
        for one in made(sent).files:
            assert b"script" not in one.content
            assert b"PK\x03\x04" not in one.content


def test_a_decoder_that_dies_or_hangs_costs_its_own_photo_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoding, "COMMAND", ("/bin/sh", "-c", "kill -SEGV $$"))
    assert mistake(pictures.jpeg(64, 48)) is PhotoMistake.BROKEN
    monkeypatch.setattr(encoding, "COMMAND", ("/bin/sleep", "30"))
    monkeypatch.setattr(encoding, "LONGEST_SECONDS", 0.5)
    assert mistake(pictures.jpeg(64, 48)) is PhotoMistake.SLOW


def test_the_process_that_decodes_has_bounded_memory() -> None:
    code = (
        "from mapservice.media import images; images._limit(); import resource as r;"
        "print(r.getrlimit(r.RLIMIT_AS)[1], r.getrlimit(r.RLIMIT_CPU)[1]);"
        "bytearray(3_000_000_000)"
    )
    done = subprocess.run(
        (encoding.COMMAND[0], "-c", code), capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["1400000000", "25"]
    assert "MemoryError" in done.stderr


@pytest.mark.long
def test_the_largest_pictures_allowed_fit_into_that_memory() -> None:
    """Of no colour, so that they are made fast; decoded they take as much as any."""
    side = 8000
    for kind, mode in (("PNG", "RGB"), ("PNG", "RGBA"), ("JPEG", "CMYK"), ("JPEG", "RGB")):
        sent = pictures.as_bytes(Image.new(mode, (side, side)), kind, compress_level=1)
        assert made(sent, 200_000_000).webp[-1].width == WIDTHS[-1]
