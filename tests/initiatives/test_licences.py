"""What the words of a licence let others do."""

import pytest

from mapservice.initiatives.licences import forbids_reuse, terms_of


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Licence Ouverte 2.0", "etalab-2.0"),
        ("Licence Ouverte / Open Licence version 2.0", "etalab-2.0"),
        ("lov2", "etalab-2.0"),
        ("Licence Ouverte", "fr-lo"),
        ("Licence Ouverte v1.0 (Etalab)", "etalab-1.0"),
        ("ODbL", "ODbL-1.0"),
        ("Open Database License (ODbL) v1.0", "ODbL-1.0"),
        ("odc-odbl", "ODbL-1.0"),
        ("CC0-1.0", "CC0-1.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("CC-BY-SA-3.0", "CC-BY-SA-3.0"),
        ("Creative Commons Attribution - Partage dans les mêmes conditions 4.0", "CC-BY-SA-4.0"),
        ("", ""),
        ("Licence de la maison", ""),
    ],
)
def test_known_licences_have_their_names(words: str, name: str) -> None:
    terms = terms_of(words)
    assert (terms.name, bool(terms.path)) == (name, bool(name))
    assert not terms.forbids_reuse
    assert terms.shares_alike == (name.startswith("ODbL") or "-SA-" in name)


def test_a_version_that_is_not_told_is_none() -> None:
    assert (terms_of("CC BY").name, terms_of("CC BY").path) == ("CC-BY", "")
    assert terms_of("Domaine public").name == ""


@pytest.mark.parametrize(
    "words",
    [
        "CC BY-NC 4.0",
        "CC-BY-NC-SA",
        "cc-by-nd-4.0",
        "Creative Commons Attribution - Pas d'utilisation commerciale 4.0",
        "CC BY-SA-NC",
        "Tous droits réservés",
        "© Ville de X, all rights reserved",
        "Reproduction interdite",
        "Usage interne uniquement",
        "Non-commercial",
        "Pas de modification",
    ],
)
def test_what_keeps_others_from_publishing_anew_is_known(words: str) -> None:
    assert forbids_reuse(words)
    assert not terms_of(words).name


@pytest.mark.parametrize(
    "words",
    [
        "Réutilisation commerciale autorisée",
        "Licence Ouverte, utilisation commerciale comprise",
        "Département du Nord, Licence Ouverte",
        "Conditions à voir avec Nd",
        "NC",
    ],
)
def test_what_forbids_nothing_is_let_in(words: str) -> None:
    assert not forbids_reuse(words)
