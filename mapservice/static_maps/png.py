"""A drawing as PNG, for those who cannot show SVG: mails, and the previews of shared links.

Rendered by resvg, with our own fonts alone, so that it looks the same on every machine.
"""

from pathlib import Path

from resvg_py import svg_to_bytes

FONTS = Path(__file__).resolve().parent / "fonts"
FAMILY = "Atkinson Hyperlegible Next"


def png(document: str, width: int | None = None) -> bytes:
    """`document` is a whole SVG; `width` in pixels, else its own."""
    return bytes(
        svg_to_bytes(
            svg_string=document,
            width=width,
            skip_system_fonts=True,
            font_files=[str(path) for path in sorted(FONTS.glob("*.ttf"))],
            font_family=FAMILY,
            sans_serif_family=FAMILY,
        )
    )
