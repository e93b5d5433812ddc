"""The encoding of a French file, told by how it reads: short texts and long ones, each in many."""

from pathlib import Path

import pytest

from mapservice.imports.readers.encodings import SINGLE_BYTE, guess
from mapservice.imports.reading import read_file

SHORT = (
    "nom;ville\nCafé;Orléans\n", "nom\nÉTÉ\n", "nom;ville\nAMAP du Pré;Niort\n", "nom\nNoël\n",
    "LIBELLÉ;MAIRIE\nÉCOLE ÉLÉMENTAIRE;CRÉTEIL\n", "nom\nFête à l’école « d’été »\n",
    "nom;ville\nForêt;Besançon\nŒuvre d’art;Évry\n", "nom\nprêt à 5 € – vélo\n", "nom\nça\n",
    "nom;ville\nà vélo;Gap\n", "nom\nhôtel\n", "nom\noù\n", "nom\nmaïs bio\n", "nom\nSœurs\n",
    "nom\nmaître d’œuvre\n", "nom\nboîte à livres\n", "nom\nL’Île-d’Yeu\n",
)  # fmt: skip
LONG = (
    "titre;résumé;commune\n"
    "L’été à la forêt;Nous plantons des chênes près de l’étang, où naît la Sèvre.;Nîmes\n"
    "Chœur des aînés;« Répétitions » à l’église, chaque mardi – entrée libre;Saint-Étienne\n"
    "Ça roule !;Vélos prêtés aux élèves dès Noël, à 5 °C ou plus;Besançon\n"
) * 40
EVERY = ("utf-8", "utf-8-sig", "utf-16", *SINGLE_BYTE, "latin-1")


def can_write(text: str, encoding: str) -> bool:
    """Latin-1 and CP850 lack signs that French needs (œ, ’, €)."""
    return text.encode(encoding, "replace").decode(encoding) == text.replace("\ufeff", "")


WRITTEN = [
    (text, encoding) for text in (*SHORT, LONG) for encoding in EVERY if can_write(text, encoding)
]


@pytest.mark.parametrize(("text", "encoding"), WRITTEN)
def test_french_is_read_right_in_each_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "essai.csv"
    path.write_bytes(text.encode(encoding))
    source = read_file(path, {"title": text.partition("\n")[0].partition(";")[0]})
    cells = [cell for row in source.rows for cell in row.raw.values()]
    assert cells == [cell for line in text.splitlines()[1:] for cell in line.split(";")]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("nom\nÉté\n".encode(), "UTF-8"),
        ("nom\nété à l’école\n".encode("mac_roman"), "mac_roman"),
        ("nom\nété à l’école\n".encode("cp1252"), "cp1252"),
        ("nom\nété à l'école\n".encode("cp850"), "cp850"),
        ("nom\nété\n".encode("utf-16"), "UTF-16"),
        ("nom\nété\n".encode() + "forêt\n".encode("cp1252"), "UTF-8, some lines cp1252"),
    ],
)
def test_the_encoding_that_was_taken_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "essai.csv"
    path.write_bytes(data)
    assert read_file(path).encoding == told


def test_what_reads_as_well_in_another_encoding_says_so() -> None:
    found = guess([b"\x80"])  # a sign on its own proves nothing
    assert found is not None
    assert "in doubt" in str(found) or found.rival == ""
    assert guess([b"ascii", "été".encode()]) is None


def test_a_geojson_of_mac_roman_is_read(tmp_path: Path) -> None:
    path = tmp_path / "essai.geojson"
    text = '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": null, '
    path.write_bytes(f'{text}"properties": {{"nom": "Fête à l’école"}}}}]}}'.encode("mac_roman"))
    assert [row.title for row in read_file(path).rows] == ["Fête à l’école"]
