import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mapservice.geocoding.matching.normalise import MAX_LENGTH, fold, normalise, phonetic


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Saint-Étienne-du-Rouvray", "saint etienne du rouvray"),
        ("ST ETIENNE DU ROUVRAY", "saint etienne du rouvray"),
        ("Stes-Maries", "saintes maries"),
        ("L’Haÿ-les-Roses", "l hay les roses"),
        ("Œuilly", "oeuilly"),
        ("Chalon s/ Saône", "chalon sur saone"),
        ("Chalon/Saône", "chalon sur saone"),
        ("Neuilly ss Clermont", "neuilly sous clermont"),
        ("Vaulx-lez-Vézelay", "vaulx les vezelay"),
        ("Saint\u2011Malo\u00a0", "saint malo"),
        ("33000Bordeaux", "33000 bordeaux"),
        ("２A004", "2a004"),
        ("", ""),
        ("Страсбург", ""),
    ],
)
def test_one_spelling_for_every_way_of_writing(written: str, normal: str) -> None:
    assert normalise(written) == normal


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Pierreffitte-Nestalas", "Pierrefitte-Nestalas"),
        ("Ayre-sur-la-Lys", "Aire-sur-la-Lys"),
        ("Tiviers", "Thiviers"),
        ("Quemper", "Kemper"),
        ("Grandchamps", "Grandchamp"),
    ],
)
def test_names_that_sound_alike_share_a_phonetic_key(left: str, right: str) -> None:
    assert phonetic(left) == phonetic(right)


def test_names_that_sound_different_have_different_keys() -> None:
    assert phonetic("Rennes") != phonetic("Nantes")


@given(st.text())
@example("०")
@example("३५००० Rennes")
def test_any_text_becomes_plain_words_and_stays_so(text: str) -> None:
    once = normalise(text)
    assert all(word.isascii() and word.isalnum() and word == word.lower() for word in once.split())
    assert normalise(once) == once


@given(st.text(min_size=MAX_LENGTH))
def test_a_long_text_is_cut(text: str) -> None:
    assert len(fold(text)) <= MAX_LENGTH


def test_the_cut_of_a_long_text_keeps_its_end() -> None:
    assert normalise("bla " * 5000 + "Rennes").endswith("rennes")
