"""French has no-break spaces before its tall signs and within « », and nobody types them."""

import re
from pathlib import Path

import pytest

from mapservice.i18n import catalogue, french_spacing, translator
from mapservice.mail.model import Letterhead
from mapservice.mail.service import write

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
PLAIN_SPACE = re.compile(r" [:;!?»]|« ")
# Jinja's own, what browsers read and what stands within tags.
NOT_SHOWN = re.compile(
    r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL
)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Aucun lieu ne répond à « %(text)s » ?", "Aucun lieu ne répond à «_%(text)s_»_?"),
        ("Merci\u202f! Jusqu’à 5 %% ; voir : https://a.fr/?b", "Merci_! Jusqu’à 5_%% ; voir_: https://a.fr/?b"),
        ("Donnez une heure, comme 14:30.", "Donnez une heure, comme 14:30."),
        ("%(count)s %(name)s, ou %s", "%(count)s %(name)s, ou %s"),
        ("Chercher « {text} »", "Chercher «_{text}_»"),
    ],
)  # fmt: skip
def test_what_is_typed_with_plain_spaces_is_held_together(typed: str, shown: str) -> None:
    assert french_spacing(typed) == shown.replace("_", "\u00a0").replace("%% ;", "%%\u00a0;")


def test_a_phrase_is_held_and_what_it_quotes_is_not() -> None:
    said = translator("fr")("Aucun lieu ne répond à « %(text)s ».", text="à l’aide ! : 10 % ?")
    assert said == "Aucun lieu ne répond à «\u00a0à l’aide ! : 10 % ?\u00a0»."
    forms = "Prêt : %(count)s initiative.", "Prêt : %(count)s initiatives."
    assert catalogue("fr").ngettext(*forms, 2) == "Prêt\u00a0: %(count)s initiatives."
    unlisted = catalogue("fr").ngettext("Nulle part : un", "Nulle part : des", 2)
    assert unlisted == "Nulle part\u00a0: des"


def test_english_has_its_own_signs() -> None:
    english = translator("en")
    assert english("Aucun lieu ne répond à « %(text)s ».", text="x").count("\u00a0") == 0


def test_the_subject_of_a_mail_keeps_its_no_break_spaces_in_one_line() -> None:
    site = Letterhead("Initiatives", "http://map.test", "a@example.org", "")
    values = {"title": "Un\n verger :  le\tnôtre", "reason": "", "link": "", "url": ""}
    mail = write(site, "photo_refused", "b@example.org", values | {"alt": ""})
    assert "\u00a0:" in mail.subject
    assert not re.search(r"[\n\t]| {2}", mail.subject)


def test_no_template_types_such_a_sign_outside_of_a_phrase() -> None:
    bad = [
        f"{path.relative_to(TEMPLATES)}: {line.strip()[:80]}"
        for path in sorted((*TEMPLATES.rglob("*.html"), *TEMPLATES.rglob("*.txt")))
        for line in NOT_SHOWN.sub("X", path.read_text(encoding="utf-8")).splitlines()
        if PLAIN_SPACE.search(line)
    ]
    assert not bad, "\n".join(bad)
