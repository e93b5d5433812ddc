"""A page that is passed on, and its QR code."""

from dataclasses import dataclass
from urllib.parse import quote

import segno

# A code of more characters has modules too small for the camera of a phone held at a screen.
MOST_QR_LENGTH = 800
QR_SCALE = 8
"""Units of the drawing that a module is wide."""


@dataclass(frozen=True, slots=True)
class SharedPage:
    """What a page is passed on by. `address` is absolute, the other addresses begin with `/`.

    `qr` is "" where the address is too long for a code. `embed` is the page for frames of other
    sites, `code` the page that writes the frame.
    """

    address: str
    title: str
    words: str
    qr: str
    embed: str
    code: str

    @property
    def mail(self) -> str:
        """An address that opens a mail with the title and the address (RFC 6068)."""
        body = f"{self.title}\n{self.words}\n\n{self.address}\n" if self.words else self.address
        lines = body.replace("\n", "\r\n")
        return f"mailto:?subject={quote(self.title, safe='')}&body={quote(lines, safe='')}"


def has_qr(address: str) -> bool:
    return len(address.encode()) <= MOST_QR_LENGTH


def qr_svg(address: str, title: str) -> bytes:
    """A QR code (ISO/IEC 18004, error correction M) as a whole SVG document, dark on white."""
    code = segno.make_qr(address, error="m")
    written = code.svg_inline(
        scale=QR_SCALE, dark="#000", light="#fff", title=title, svgclass=None, lineclass=None,
        omitsize=True,
    )  # fmt: skip
    side, _height = code.symbol_size(scale=QR_SCALE)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}"'
    return written.replace("<svg", head, 1).encode()
