"""Reads the operator's own texts, and says what is missing from them and from the settings."""

from collections.abc import Iterator
from pathlib import Path

from mapservice.settings import Settings
from mapservice.site.operator_pages.model import NEEDED_SETTINGS, OperatorPage, OperatorText

FRENCH, ENGLISH = "fr", "en"


def own_text(settings: Settings, page: OperatorPage, language: str) -> OperatorText | None:
    """The operator's text in a language, else in French; None where there is no file.

    Read at each request, so that an edit shows at once. What is no UTF-8 shows as U+FFFD, which
    `shortcomings` tells of: a page generated in its place would say what the operator did not.
    """
    if not settings.pages:
        return None
    folder = Path(settings.pages)
    wanted = [(folder / f"{page}.md", FRENCH)]
    if language == ENGLISH:
        wanted.insert(0, (folder / f"{page}.en.md", ENGLISH))
    for path, written_in in wanted:
        if path.is_file():
            text = path.read_text(encoding="utf-8-sig", errors="replace").strip()
            first, _, rest = text.partition("\n")
            if first.startswith("# "):
                return OperatorText(first.removeprefix("# ").strip(" #"), rest, written_in)
            return OperatorText("", text, written_in)
    return None


def shortcomings(settings: Settings) -> Iterator[str]:
    """What `mapservice doctor` warns of: files that no page has, and settings that are not set."""
    folder = Path(settings.pages) if settings.pages else None
    if folder is not None and not folder.is_dir():
        yield f"MAPSERVICE_PAGES: {folder} is no folder; the pages are generated"
        folder = None
    present = {path.name: path for path in sorted(folder.iterdir())} if folder else {}
    known = {f"{page}{end}" for page in OperatorPage for end in (".md", ".en.md")}
    for name, path in present.items():
        if path.suffix == ".md" and name not in known:
            yield f"MAPSERVICE_PAGES: {name} is the name of no page; they are {sorted(known)}"
        elif name in known and not _is_utf8(path):
            yield f"MAPSERVICE_PAGES: {name} is no UTF-8 text"
    generated = [page for page in OperatorPage if f"{page}.md" not in present]
    needed = {name for page in generated for name in NEEDED_SETTINGS[page]}
    for name in sorted(needed):
        if not getattr(settings, name):
            pages = ", ".join(f"/{one}" for one in generated if name in NEEDED_SETTINGS[one])
            yield f"MAPSERVICE_{name.upper()} is not set: {pages} say so to people"
    if settings.accessibility != "no_audit" and not settings.accessibility_audit:
        yield "MAPSERVICE_ACCESSIBILITY_AUDIT is not set: /accessibilite cannot say who audited"


def _is_utf8(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return True
