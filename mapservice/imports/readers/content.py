"""The bytes of a file: unpacked within a bound, told apart by what they hold, read as text."""

import codecs
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Literal

from mapservice.errors import SourceError
from mapservice.imports.readers.encodings import DEFAULT, guess

MIB = 1024 * 1024
MAX_FILE_BYTES = 512 * MIB
# An unpacked file is held in memory, hence the lower bound; it also stops zip bombs.
MAX_UNPACKED_BYTES = 128 * MIB
# JSON is parsed whole, at several times its size in memory.
MAX_JSON_BYTES = 64 * MIB
MAX_LINE_BYTES = MIB
HEAD_BYTES = 64 * 1024

Format = Literal["csv", "json", "gpkg", "workbook", "kml", "gpx", "shapefile", "parquet"]

SQLITE_MAGIC = b"SQLite format 3\x00"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_MAGIC = b"\x1f\x8b"
JSON_SUFFIXES = frozenset(
    (
        ".geojson",
        ".json",
        ".jsonld",
        ".umap",
        ".geojsonl",
        ".geojsons",
        ".geojsonseq",
        ".ndjson",
        ".jsonl",
    )
)
DATA_SUFFIXES = JSON_SUFFIXES | {
    *(".csv", ".tsv", ".txt", ".tab", ".gpkg"),
    *(".kml", ".gpx", ".parquet", ".geoparquet"),
}
FOREIGN_MAGIC = (
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel workbook, or one with a password: save it as XLSX, without a password",
    ),
    (b"%PDF", "a PDF: only a table can be imported"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"BZh", "compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ", "compressed with xz: unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
)
CALENDAR = re.compile(rb"(?:\xef\xbb\xbf)?\s*BEGIN:VCALENDAR", re.IGNORECASE)
MARKUP = re.compile(rb"\s*<(?:!doctype|html|\?xml|svg)", re.IGNORECASE)
PARQUET_MAGIC = b"PAR1"
# The first element of a file that may be read; a prefix may stand before its name.
MAP_MARKUP = re.compile(
    rb"\s*(?:<\?xml.*?\?>\s*)?(?:<!--.*?-->\s*|<![^>]*>\s*)*<(?:\w+:)?(kml|gpx)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
JSON_START = re.compile(r'[\s\x1e\ufeff]*(?:\{\s*["}]|\[\s*[{\]])')


@dataclass(frozen=True, slots=True)
class FileContent:
    """The data of one file, on disk or unpacked in memory; `open()` starts at its first byte.

    `suffix` is that of the data ("initiatives.csv.gz" gives ".csv"). `single_byte` is the
    encoding of the lines that are no UTF-8, `encoding` what to tell of all of them, "" of a
    GeoPackage and of other formats that say it themselves. `kind` is the format where an archive
    tells it.
    """

    name: str
    suffix: str
    source: Path | bytes
    single_byte: str = DEFAULT
    encoding: str = ""
    kind: Literal["", "workbook", "shapefile"] = ""

    def open(self) -> BinaryIO:
        """A fresh binary stream; the caller closes it."""
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        return self.source.open("rb")

    def head(self) -> bytes:
        """The first bytes, enough to tell formats and encodings apart."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES)


def load_content(path: Path) -> FileContent:
    """The data behind `path`, unpacked where it is gzip or zip. Raises SourceError."""
    try:
        size = path.stat().st_size
        content = FileContent(path.name, path.suffix.lower(), path)
        head = content.head()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SourceError(f"{path.name}: cannot be read ({reason.lower()})") from error
    if size > MAX_FILE_BYTES:
        raise SourceError(f"{path.name}: is larger than {MAX_FILE_BYTES // MIB} MiB")
    if head.startswith(GZIP_MAGIC):
        try:
            with gzip.open(path) as stream:
                data = _bounded(stream, path.name)
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{path.name}: the gzip archive is damaged") from error
        inner = PurePosixPath(path.name.removesuffix(".gz"))
        content = FileContent(path.name, inner.suffix.lower(), data)
    elif head.startswith(ZIP_MAGIC):
        content = _unpack_zip(path)
    if content.kind:
        return content
    _refuse_foreign(content)

    # What its bytes tell of their encoding, which takes one look at all of them.
    head = content.head()
    if head.startswith((SQLITE_MAGIC, PARQUET_MAGIC)) or markup_of(head, content.suffix):
        return content
    if wide := _width(head):
        return replace(content, encoding=wide.upper())
    found = guess(line for line in _byte_lines(content) if line is not None)
    if found:
        return replace(content, single_byte=found.encoding, encoding=str(found))
    return replace(content, encoding="UTF-8")


def format_of(content: FileContent) -> Format:
    """By the bytes first, and the extension where they leave doubt."""
    if content.kind:
        return content.kind
    head = content.head()
    if head.startswith(PARQUET_MAGIC):
        return "parquet"
    if markup := markup_of(head, content.suffix):
        return markup
    if head.startswith(SQLITE_MAGIC):
        return "gpkg"
    if content.suffix == ".gpkg":
        raise SourceError(f"{content.name}: is not a GeoPackage (no SQLite header)")
    if content.suffix in JSON_SUFFIXES or JSON_START.match(_decode(head, _width(head))):
        return "json"
    return "csv"


def markup_of(head: bytes, suffix: str) -> Literal["kml", "gpx"] | None:
    """Which format of maps in XML the first bytes of a file begin, if any."""
    plain = head.replace(b"\x00", b"") if _width(head) else head
    plain = plain.removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe \t\r\n")
    found = MAP_MARKUP.match(plain)
    if not found and not (suffix in (".kml", ".gpx") and plain.startswith(b"<")):
        return None
    kind = found.group(1).lower().decode() if found else suffix.removeprefix(".")
    return "kml" if kind == "kml" else "gpx"


def lines(content: FileContent) -> Iterator[str | None]:
    """The lines of a text file, decoded, without their ends; None for an over-long one.

    Each line is UTF-8 where it can be, else the file's encoding of single bytes, so that a file of
    both reads right. UTF-16 and UTF-32 show by their mark or by their NUL bytes.
    """
    for number, line in enumerate(_byte_lines(content)):
        if line is None:
            yield None
            continue
        text = _decode(line.replace(b"\r", b" "), single_byte=content.single_byte)
        yield text.lstrip("\ufeff").removeprefix("ï»¿") if number == 0 else text


def _byte_lines(content: FileContent) -> Iterator[bytes | None]:
    """The lines as bytes, without their ends; UTF-16 and UTF-32 brought to UTF-8."""
    head = content.head()
    wide = _width(head)
    # Old Macintosh files end their lines with a carriage return alone.
    end = b"\n" if wide or b"\n" in head or b"\r" not in head else b"\r"
    with content.open() as stream:
        for line in _split(_chunks(stream, wide), end):
            yield None if line is None else line.rstrip(b"\r\n")


def whole_text(content: FileContent) -> str:
    """The text of a JSON file, decoded; refuses one too large to parse."""
    with content.open() as stream:
        data = stream.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise SourceError(
            f"{content.name}: JSON larger than {MAX_JSON_BYTES // MIB} MiB;"
            " send it as GeoJSONSeq (one feature a line) or GeoPackage"
        )
    wide = _width(data[:HEAD_BYTES])
    return _decode(data, wide, content.single_byte).lstrip("\ufeff")


def _bounded(stream: IO[bytes] | gzip.GzipFile, name: str) -> bytes:
    data = stream.read(MAX_UNPACKED_BYTES + 1)
    if len(data) > MAX_UNPACKED_BYTES:
        raise SourceError(f"{name}: unpacks to more than {MAX_UNPACKED_BYTES // MIB} MiB")
    return data


def _unpack_zip(path: Path) -> FileContent:
    """The only table of an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            names = {member.filename for member in members}
            if "[Content_Types].xml" in names or "content.xml" in names:
                if not any(name in names for name in ("xl/workbook.xml", "content.xml")):
                    raise SourceError(f"{path.name}: is a document without sheets")
                return FileContent(path.name, path.suffix.lower(), path, kind="workbook")
            if any(name.lower().endswith(".shp") for name in names):
                return FileContent(path.name, ".zip", path, kind="shapefile")
            tables = [
                name
                for name in (member.filename for member in members)
                if PurePosixPath(name).suffix.lower() in DATA_SUFFIXES
                and not name.startswith("__MACOSX/")
                # The description of a data package is none of its tables.
                and PurePosixPath(name).name != "datapackage.json"
            ]
            if path.suffix.lower() == ".kmz":
                # What a map begins with, whatever else it holds.
                tables.sort(key=lambda name: (name.lower() != "doc.kml", name))
                del tables[1:]
            if len(tables) != 1 and "datapackage.json" in names:
                raise SourceError(
                    f"{path.name}: is a data package of {len(tables)} tables: one of"
                    " this service is taken in by `mapservice initiatives import`"
                )
            if len(tables) != 1:
                raise SourceError(
                    f"{path.name}: the archive must hold one table; it holds {len(tables)}"
                )
            with archive.open(tables[0]) as stream:
                data = _bounded(stream, path.name)
    except SourceError:
        raise
    except Exception as error:
        # zipfile raises ten kinds of error on hostile archives, some of them undocumented.
        raise SourceError(f"{path.name}: the zip archive cannot be read") from error
    return FileContent(path.name, PurePosixPath(tables[0]).suffix.lower(), data)


def _refuse_foreign(content: FileContent) -> None:
    head = content.head()
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise SourceError(f"{content.name}: the file is empty")
    if head.startswith((GZIP_MAGIC, *ZIP_MAGIC)):
        raise SourceError(f"{content.name}: holds an archive within an archive")
    if CALENDAR.match(head):
        raise SourceError(
            f"{content.name}: is a calendar, whose entries are events and no initiatives: a source"
            " of events is added by its address (`mapservice sources add`)"
        )
    for magic, what in FOREIGN_MAGIC:
        if head.startswith(magic):
            raise SourceError(f"{content.name}: is {what}")
    if MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")) and not markup_of(head, content.suffix):
        raise SourceError(f"{content.name}: is a web page or XML, not a table")
    # More than 2 % of control bytes are too many for text, whatever its encoding.
    controls = len(re.findall(rb"[\x00-\x08\x0e-\x1d\x1f\x7f]", head))
    if (
        controls * 50 > len(head)
        and not _width(head)
        and not head.startswith((SQLITE_MAGIC, PARQUET_MAGIC))
    ):
        raise SourceError(f"{content.name}: holds binary data, not text")


def _width(head: bytes) -> str:
    """The UTF-32 or UTF-16 codec of the text, or "" for encodings of single bytes."""
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "utf-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    half = len(head) // 2
    if half >= 2 and head[1::2].count(0) > 0.7 * half and head[::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if half >= 2 and head[::2].count(0) > 0.7 * half and head[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return ""


def _chunks(stream: BinaryIO, wide: str) -> Iterator[bytes]:
    """The stream piece by piece, UTF-16 and UTF-32 brought to UTF-8."""
    decoder = codecs.getincrementaldecoder(wide)("replace") if wide else None
    while chunk := stream.read(HEAD_BYTES):
        yield decoder.decode(chunk).encode() if decoder else chunk
    if decoder:
        yield decoder.decode(b"", final=True).encode()


def _split(chunks: Iterator[bytes], end: bytes) -> Iterator[bytes | None]:
    """Lines cut at `end`; one longer than MAX_LINE_BYTES is never held, and gives None."""
    rest = b""
    skipping = False
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(end)
        for line in whole:
            yield None if skipping or len(line) > MAX_LINE_BYTES else line
            skipping = False
        if len(rest) > MAX_LINE_BYTES:
            rest, skipping = b"", True
    if rest or skipping:
        yield None if skipping else rest


def _decode(data: bytes, wide: str = "", single_byte: str = DEFAULT) -> str:
    """`wide` where it is named, else UTF-8, else `single_byte`, else Latin-1: it takes any byte."""
    if wide:
        return data.decode(wide, "replace")
    for encoding in ("utf-8", single_byte):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
