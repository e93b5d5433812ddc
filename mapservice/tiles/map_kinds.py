"""What a map shows: initiatives, events, groups, in any combination that is not empty."""

from collections.abc import Iterable
from enum import StrEnum

from mapservice.errors import InvalidInput

# The parameter of pages that have a switch of kinds.
SHOWN_KINDS = "voir"


class MapKind(StrEnum):
    """The words of addresses that people read, as those of the lists."""

    INITIATIVES = "initiatives"
    EVENTS = "evenements"
    GROUPS = "groupes"


ONLY_INITIATIVES = (MapKind.INITIATIVES,)


def parse_kinds(texts: Iterable[str]) -> tuple[MapKind, ...]:
    """Each kind once, in one order; initiatives alone where nothing is named.

    Raises InvalidInput for what is no kind.
    """
    named = {word.strip().lower() for text in texts for word in text.split(",") if word.strip()}
    for word in sorted(named - set(MapKind)):
        known = ", ".join(MapKind)
        raise InvalidInput(SHOWN_KINDS, f"{word[:40]!r} is not one of {known}")
    return tuple(kind for kind in MapKind if kind in named) or ONLY_INITIATIVES


def kinds_text(kinds: Iterable[MapKind]) -> str:
    """The inverse of `parse_kinds`: "" for initiatives alone, which need no word."""
    shown = set(kinds)
    if shown <= set(ONLY_INITIATIVES):
        return ""
    return ",".join(kind for kind in MapKind if kind in shown)


def toggled(kinds: Iterable[MapKind], one: MapKind) -> tuple[MapKind, ...]:
    """The kinds with one more or less; the last one stays, as a map of nothing says nothing."""
    shown = set(kinds)
    return tuple(kind for kind in MapKind if kind in shown ^ {one}) or (one,)
