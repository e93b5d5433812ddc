"""Text of any origin made plain: encodings mended, markup reduced, controls dropped."""

import html
import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b

import nh3

# Zero-width and direction marks are dropped with the controls; they can disguise a text.
# U+200D stays: it joins emoji.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\xad\u200b\u200c\u200e\u200f\u202a-\u202e"
    "\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
LATIN1_CONTROL = re.compile("[\x80-\x9f]")
# UTF-8 read as CP1252 shows as one of these leads and the CP1252 sign of a byte 80 to BF.
# Other leads (É, È…) are real French capitals, which a closing quote may follow.
CONTINUATION = "".join(
    bytes([byte]).decode("cp1252", "ignore") + chr(byte) for byte in range(0x80, 0xC0)
)
MOJIBAKE = re.compile(
    f"[ÃÂÅ][{re.escape(CONTINUATION)}]"
    f"|â[{re.escape(CONTINUATION)}]{{2}}|ð[{re.escape(CONTINUATION)}]{{3}}"
)
TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>|<!--", re.IGNORECASE)
ENTITY = re.compile(r"&(?:[a-z][a-z0-9]{1,20}|#\d{1,6}|#x[0-9a-f]{1,6});", re.IGNORECASE)
OPEN_TAG = re.compile(r"<(?=[a-z/!?])", re.IGNORECASE)
LINK = re.compile(
    r"<a\s[^<>]*?href\s*=\s*[\"']?(https?://[^\"'\s<>]+)[^<>]*>(.{0,500}?)</a\s*>",
    re.IGNORECASE | re.DOTALL,
)
ITEM = re.compile(r"<li(?:\s[^<>]*)?>", re.IGNORECASE)
BREAK = re.compile(r"<br\s*/?>|</(?:div|tr|h[1-6]|li)\s*>", re.IGNORECASE)
PARAGRAPH = re.compile(r"</?(?:p|ul|ol|table|blockquote)(?:\s[^<>]*)?>", re.IGNORECASE)
WORD = re.compile(r"[a-z0-9]+")
# What people and exports write for "nothing".
PLACEHOLDER = re.compile(
    r"[-–—_.?/*\s]*|x{2,}|n/?a|n\.?[rc]\.?|nan|null|none|nil|undefined|vide|inconnue?s?|unknown"
    r"|neant|sans (?:objet|titre|nom)|untitled|a (?:completer|definir|preciser|renseigner)"
    r"|#(?:n/?a|ref!|valeur!|value!|nom\?|name\?|div/0!)"
    r"|non (?:encore )?(?:registree?s?|renseignee?s?|communiquee?s?|precisee?s?|connue?s?"
    r"|definie?s?|fixee?s?|prevue?s?|disponibles?|enregistree?s?)"
)


def folded(text: str) -> str:
    """Lower case without accents, ligatures or typographic signs, for comparing words."""
    if text.isascii():
        return text.lower()
    plain = text.lower().replace("œ", "oe").replace("æ", "ae").replace("’", "'")
    # The letters of French at once: sign by sign takes ten times as long.
    french = plain.translate(_UNACCENTED)
    if french.isascii():
        return french
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKD", plain)
        if not unicodedata.combining(letter)
    )


_ACCENTED, _PLAIN = "àâäáãåçéèêëíìîïñóòôöõúùûüÿ", "aaaaaaceeeeiiiinooooouuuuy"
_UNACCENTED = str.maketrans(_ACCENTED, _PLAIN)
_BARE = str.maketrans(_ACCENTED + "-’'", _PLAIN + "   ")


def bare(name: str) -> str:
    """Much like `words_of`, for comparing many thousand names."""
    return name.casefold().translate(_BARE).replace("œ", "oe").strip()


def digest_number(words: str) -> int:
    """Eight bytes that stand for some words, 0 for none."""
    if not words:
        return 0
    return int.from_bytes(blake2b(words.encode(), digest_size=8).digest(), "big", signed=True)


def words_of(text: str) -> str:
    """`folded` with everything but letters and digits turned into single spaces."""
    return " ".join(WORD.findall(folded(text)))


def is_placeholder(text: str) -> bool:
    """Whether a cell only says that there is nothing ("NON REGISTRÉ", "n/a", "-")."""
    return len(text) <= 40 and _says_nothing(text)


@lru_cache(maxsize=4096)
def _says_nothing(text: str) -> bool:
    return PLACEHOLDER.fullmatch(folded(text).strip()) is not None


def mended(text: str) -> str:
    """Mojibake undone where certain, letters composed (NFC), controls dropped."""
    if text.isascii():
        return INVISIBLE.sub("", text)
    for _ in range(2):
        if not MOJIBAKE.search(text):
            break
        text = MOJIBAKE.sub(_as_utf8, text)
    # A C1 control is a sign of CP1252 that was read as Latin-1.
    text = LATIN1_CONTROL.sub(
        lambda control: control.group().encode("latin-1").decode("cp1252", "ignore"), text
    )
    return unicodedata.normalize("NFC", INVISIBLE.sub("", text))


def one_line(text: str) -> str:
    """A cell as one line of plain text: no markup, no entity, single spaces."""
    return " ".join(_without_markup(mended(text)).split())


def block(text: str) -> str:
    """A long cell as Markdown-safe text: paragraphs, line breaks, lists and links are kept."""
    plain = _without_markup(mended(text.replace("\r\n", "\n").replace("\r", "\n")))
    lines = [" ".join(line.split()) for line in plain.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def shortened(text: str, length: int) -> str:
    """At most `length` characters, cut after a word, ending in "…" where cut."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > length // 2 else cut).rstrip(" ,;:.-–") + "…"


def _as_utf8(match: re.Match[str]) -> str:
    found = match.group()
    data = b""
    for letter in found:
        # Each letter stands for a byte: that of CP1252, or of Latin-1 for a C1 control.
        data += letter.encode("latin-1" if LATIN1_CONTROL.match(letter) else "cp1252")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return found


def _without_markup(text: str) -> str:
    """Tags gone, also those that entities spelled; a stray "<" can no longer open one."""
    if "<" not in text and "&" not in text:
        return text
    for _ in range(3):
        if TAG.search(text):
            # Links, items and blocks become the signs of Markdown.
            text = ITEM.sub("\n- ", LINK.sub(r"\2 (\1)", text))
            text = PARAGRAPH.sub("\n\n", BREAK.sub("\n", text))
            text = html.unescape(nh3.clean(text, tags=set()))
        elif ENTITY.search(text):
            text = html.unescape(text)
        else:
            break
    return OPEN_TAG.sub("< ", mended(text))
