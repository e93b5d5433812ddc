"""Which pages an operator answers for, and which settings each generated one needs."""

from dataclasses import dataclass
from enum import StrEnum


class OperatorPage(StrEnum):
    """The path of the page, and the name of its file without `.md`."""

    LEGAL = "mentions-legales"
    PRIVACY = "confidentialite"
    ACCESSIBILITY = "accessibilite"
    HELP = "aide"
    CONTACT = "contact"


# What a generated page says is not told, unless it is set.
NEEDED_SETTINGS: dict[OperatorPage, tuple[str, ...]] = {
    OperatorPage.LEGAL: (
        "operator_name",
        "operator_address",
        "publication_director",
        "contact_email",
        "hosting",
        "legal_date",
    ),
    OperatorPage.PRIVACY: ("operator_name", "contact_email", "log_days"),
    OperatorPage.ACCESSIBILITY: ("operator_name", "contact_email"),
    OperatorPage.HELP: (),
    OperatorPage.CONTACT: ("operator_name", "contact_email"),
}


@dataclass(frozen=True, slots=True)
class OperatorText:
    """What an operator wrote: Markdown below its title, "" where it has none."""

    title: str
    body: str
    language: str
