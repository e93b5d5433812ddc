"""What cells mean: columns, coordinates, codes, dates, themes, states, texts."""

from pathlib import Path

import pytest

from mapservice.imports.codes import read_citycode, read_departement, read_postcode
from mapservice.imports.dates import read_date
from mapservice.imports.points import read_number, read_pair
from mapservice.imports.reading import SourceFile, read_file
from mapservice.imports.text import block, is_placeholder, one_line, shortened
from mapservice.imports.words import read_scale, read_status, read_theme
from mapservice.initiatives.model import Scale, SourceRow, Status, Theme


def opened(folder: Path, text: str, name: str = "essai.csv") -> SourceFile:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_file(path)


def only_row(folder: Path, text: str) -> SourceRow:
    (row,) = opened(folder, text).rows
    return row


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Intitulé du projet", "title"),
        ("NOM", "title"),
        ("Project title", "title"),
        ("Résumé", "summary"),
        ("Thématique", "theme"),
        ("État d'avancement", "status"),
        ("date_de_creation", "created_on"),
        ("Date de dernière modification", "updated_on"),
        ("Site web", "url"),
        ("adresse_complete", "address"),
        ("streetAddress", "address"),
        ("Nom de la commune", "city"),
        ("addressLocality", "city"),
        ("Code Postal", "postcode"),
        ("code_postal_lieu", "postcode"),
        ("adresse_code_postal", "postcode"),
        ("Code INSEE de la commune", "citycode"),
        ("Code département", "departement"),
        ("identifiant_projet_gagnant", "external_id"),
        ("geo_point_2d", "point"),
        ("Coordonnées GPS", "point"),
        ("Échelle", "scale"),
        ("Licence", "licence"),
        ("title/fr", "title"),
        ("category/name/fr", "theme"),
        ("adrs_codepostal", "postcode"),
    ],
)
def test_a_column_is_recognised_by_its_name(tmp_path: Path, header: str, field: str) -> None:
    columns = opened(tmp_path, f"{header};descriptif;vide\n;A;\n").columns
    assert columns[field] == header


@pytest.mark.parametrize("header", ["adresse_mail", "nom_contact", "insee_pip", "nom_pip", "taux"])
def test_a_column_of_another_meaning_is_left_alone(tmp_path: Path, header: str) -> None:
    columns = opened(tmp_path, f"titre,{header}\nA,35238\n").columns
    assert dict(columns) == {"title": "titre"}


def test_a_city_column_of_insee_codes_or_of_postcodes(tmp_path: Path) -> None:
    row = only_row(tmp_path, "titre,commune,commune_name\nA,35238,Rennes\n")
    assert (row.citycode, row.city) == ("35238", "Rennes")
    source = opened(tmp_path, "titre,commune\nA,35000\nB,79190\nC,2A004\nD,1000\n")
    assert source.columns["postcode"] == "commune"
    assert source.problems == ("commune: its cells do not look like city; read as postcode",)


def test_a_postcode_column_of_towns_and_a_latitude_column_of_pairs(tmp_path: Path) -> None:
    row = only_row(tmp_path, "titre,code postal\nA,Rennes\n")
    assert (row.city, row.postcode) == ("Rennes", "")
    row = only_row(tmp_path, 'titre,lat\nA,"48.11, -1.68"\n')
    assert (row.lon, row.lat) == (-1.68, 48.11)


def test_a_title_column_of_numbers_yields_to_one_of_words(tmp_path: Path) -> None:
    row = only_row(tmp_path, "projet,nom\n12,Jardin\n")
    assert row.title == "Jardin"


def test_a_legal_status_is_no_state_and_a_kind_of_bearer_is_a_scale(tmp_path: Path) -> None:
    source = opened(tmp_path, "titre,statut,type\nA,Associatif,EPCI\nB,Public,Commune\n")
    assert (source.columns["scale"], "status" in source.columns) == ("type", False)
    assert [row.scale for row in source.rows] == [Scale.EPCI, Scale.COMMUNE]


def test_the_place_is_kept_as_typed(tmp_path: Path) -> None:
    text = 'nom,adresse,cp,ville\nA," 2, r. du Pré  (fond de cour) ",79 190,Sauzé-vaussais\n'
    assert only_row(tmp_path, text).place_text == (
        "2, r. du Pré (fond de cour), 79190 Sauzé-vaussais"
    )


def test_a_postcode_cell_may_hold_the_town(tmp_path: Path) -> None:
    row = only_row(tmp_path, "titre,cp\nA,79000 Niort\n")
    assert (row.postcode, row.city) == ("79000", "Niort")


@pytest.mark.parametrize(
    ("text", "postcode"),
    [
        ("1000", "01000"), ("35000.0", "35000"), ("35 000", "35000"), ("F-35000", "35000"),
        ("35043 CEDEX 9", "35043"), ("20\u00a0000", "20000"), ("97410", "97410"), ("350", ""),
        ("350000", ""), ("Rennes", ""), ("", ""),
    ],
)  # fmt: skip
def test_postcodes(text: str, postcode: str) -> None:
    assert read_postcode(text)[0] == postcode


@pytest.mark.parametrize(
    ("text", "code"),
    [("2173", "02173"), ("2a004", "2A004"), ("35238.0", "35238"), ("97411", "97411"), ("x", "")],
)
def test_insee_codes(text: str, code: str) -> None:
    assert read_citycode(text) == code


@pytest.mark.parametrize(
    ("text", "departement"),
    [("1", "01"), ("2a", "2A"), ("974", "974"), ("35 - Ille-et-Vilaine", "35"),
     ("Finistère", "Finistère")],
)  # fmt: skip
def test_departements(text: str, departement: str) -> None:
    assert read_departement(text) == departement


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("18/01/25", "2025-01-18"), ("18/01/2025", "2025-01-18"), ("2025-01-18", "2025-01-18"),
        ("2020/06/30 14:16:50.898", "2020-06-30"), ("13/12/2022 17:51", "2022-12-13"),
        ("2024-01-31T23:30:00Z", "2024-01-31"), ("2015-03", "2015-03"),
        ("03/2015", "2015-03"), ("2014", "2014"), ("1er mars 2024", "2024-03-01"),
        ("samedi 18 janvier 2025", "2025-01-18"), ("18 août 24", "2024-08-18"),
        ("déc. 2023", "2023-12"), ("mars 2022", "2022-03"),
        ("January 5, 2025", "2025-01-05"), ("01/02/99", "1999-02-01"),
        ("45675", "2025-01-18"), ("45675.5", "2025-01-18"), ("1737158400", "2025-01-18"),
        ("20250118", "2025-01-18"), ("31/02/2024", None), ("09/0102023", None),
        ("bientôt", None), ("0001-01-01", None), ("99/99/9999", None),
        ("20200", None),
    ],
)  # fmt: skip
def test_dates(text: str, iso: str | None) -> None:
    assert read_date(text) == iso


def test_an_impossible_date_is_noted_and_not_fatal(tmp_path: Path) -> None:
    source = opened(tmp_path, "titre,date\nA,31/02/2024\nB,18/01/25\n")
    first, second = source.rows
    assert (first.created_on, second.created_on) == ("", "2025-01-18")
    assert first.problems == ("date: '31/02/2024' is not a date; kept as it is",)


def test_dates_that_cannot_be_true_are_unknown(tmp_path: Path) -> None:
    """A creation ahead of us, a change before it, and a change in a year."""
    source = opened(
        tmp_path,
        "titre,date creation,date maj\nA,2099-03-01,\nB,2020-05-01,2019-01-01\nC,2020,2021\n"
        "D,,2021-02-03\nE,2020,2020-03-04\n",
    )
    told = [(row.created_on, row.created_as_told, row.updated_on) for row in source.rows]
    assert told == [
        ("", "2099-03-01", ""),
        ("2020-05-01", "2020-05-01", ""),
        ("2020", "2020", ""),
        ("", "", "2021-02-03"),
        ("2020", "2020", "2020-03-04"),
    ]
    notes = [row.problems for row in source.rows]
    assert notes == [
        ("date creation: '2099-03-01' lies in the future; taken as unknown",),
        ("date maj: '2019-01-01' comes before the creation; taken as unknown",),
        ("date maj: '2021' is not a day; taken as unknown",),
        (),
        (),
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("47,35", 47.35), ("-1.5", -1.5), ("652 381,25", 652381.25), ("6.789.303,5", 6789303.5),
        ("48°51'24\"N", 48.856667), ("1°40′O", -1.666667), ("nan", None), ("inf", None),
        ("1e999", None), ("1_0", None), ("", None), ("abc", None),
    ],
)  # fmt: skip
def test_numbers(text: str, number: float | None) -> None:
    assert read_number(text) == (pytest.approx(number) if number is not None else None)


@pytest.mark.parametrize(
    "text",
    [
        "48.85,2.35", "48.85, 2.35", "48,85 ; 2,35", "48,85, 2,35", "[2.35, 48.85]",
        "POINT (2.35 48.85)", "SRID=4326;POINT Z(2.35 48.85 30)",
        '{"type": "Point", "coordinates": [2.35, 48.85]}',
    ],
)  # fmt: skip
def test_a_point_in_one_cell(text: str) -> None:
    assert read_pair(text) == (2.35, 48.85)


@pytest.mark.parametrize("text", ["48.85", "POLYGON((0 0,1 1,1 0,0 0))", "{", "a,b", ""])
def test_a_cell_that_is_no_point(text: str) -> None:
    assert read_pair(text) is None


@pytest.mark.parametrize(
    ("system", "x", "y"),
    [
        ("Lambert-93 (EPSG:2154)", "352131,94", "6789375,06"),
        ("Web Mercator (EPSG:3857)", "-186682.8", "6125507.9"),
        ("Lambert II étendu (EPSG:27572)", "301311", "2353643"),
    ],
)
def test_projected_coordinates_are_told_by_their_range(
    tmp_path: Path, system: str, x: str, y: str
) -> None:
    source = opened(tmp_path, f"nom;x;y\nA;{x};{y}\nB;;\n")
    first, second = source.rows
    assert (first.lon, first.lat) == pytest.approx((-1.677, 48.112), abs=0.01)
    assert (second.lon, source.problems) == (None, (f"x: coordinates read as {system}",))


def test_ranges_that_overlap_are_settled_by_the_soil(tmp_path: Path) -> None:
    # Paris in Web Mercator has the figures of the Bay of Biscay in Lambert-93.
    source = opened(tmp_path, "nom,x,y\nParis,261848,6250566\n")
    assert [(row.lon, row.lat) for row in source.rows] == [
        pytest.approx((2.3522, 48.8566), abs=0.001)
    ]
    # Marseille in Lambert-93 has the figures of Germany in Web Mercator.
    source = opened(tmp_path, "nom,x,y\nMarseille,893000,6247000\n")
    assert [(row.lon, row.lat) for row in source.rows] == [pytest.approx((5.37, 43.29), abs=0.02)]


def test_overseas_rows_in_their_own_projection(tmp_path: Path) -> None:
    text = "nom,x,y\nRennes,352131,6789375\nNiort,432000,6588000\nSaint-Denis,338900,7691000\n"
    rows = list(opened(tmp_path, text).rows)
    assert (rows[2].lon, rows[2].lat) == pytest.approx((55.45, -20.88), abs=0.02)
    assert rows[2].problems == ("y: read as UTM 40S",)


@pytest.mark.parametrize(
    ("lat", "lon", "true"),
    [
        ("-1.68", "48.11", (-1.68, 48.11)),
        ("45.1", "-12.8", (45.1, -12.8)),
        ("-149.5", "-17.6", (-149.5, -17.6)),
    ],
)
def test_swapped_latitude_and_longitude_are_put_right(
    tmp_path: Path, lat: str, lon: str, true: tuple[float, float]
) -> None:
    row = only_row(tmp_path, f"nom,lat,lon\nA,{lat},{lon}\n")
    assert (row.lon, row.lat) == true
    assert row.problems == ("lat: latitude and longitude were swapped; put right",)


@pytest.mark.parametrize(
    ("lat", "lon", "note"),
    [
        ("0", "0", "lat: 0, 0 is no place in France; dropped"),
        ("NaN", "2", "lon: the coordinates are incomplete or no numbers; kept as they are"),
        ("48.1", "", "lat: the coordinates are incomplete or no numbers; kept as they are"),
        ("48.1", "200", "lat: 200, 48.1 is outside the world; dropped"),
        ("1e9", "1e9", "lat: 1e+09, 1e+09 is in no system used in France; dropped"),
    ],
)
def test_an_impossible_point_is_dropped(tmp_path: Path, lat: str, lon: str, note: str) -> None:
    source = opened(tmp_path, f"nom,lat,lon\nA,{lat},{lon}\nB,48,2\nC,47,1\nD,46,0\n")
    row = next(source.rows)
    assert (row.lon, row.lat, row.problems) == (None, None, (note,))


@pytest.mark.parametrize(
    ("text", "theme"),
    [
        ("Écologie, Alimentation, Énergie|Agriculture et alimentation", Theme.ALIMENTATION),
        ("Mobilités", Theme.MOBILITE), ("Cadre de vie", Theme.HABITAT),
        ("Culture et patrimoine", Theme.CULTURE), ("Sport", Theme.CULTURE),
        ("Attractivité et emploi", Theme.ECONOMIE),
        ("Économie sociale et solidaire", Theme.ECONOMIE),
        ("Solidarités", Theme.SOLIDARITE), ("Education et jeunesse", Theme.EDUCATION),
        ("Espace Public Numérique", Theme.EDUCATION), ("Ramassage de déchets", Theme.ENVIRONNEMENT),
        ("waste management", Theme.ENVIRONNEMENT), ("Housing", Theme.HABITAT),
        ("environnement", Theme.ENVIRONNEMENT), ("autre", Theme.AUTRE), ("", Theme.AUTRE),
        ("essai busqué", Theme.AUTRE),
    ],
)  # fmt: skip
def test_themes(text: str, theme: Theme) -> None:
    assert read_theme(text) is theme


def test_every_theme_status_and_scale_reads_as_itself() -> None:
    assert [read_theme(theme) for theme in Theme] == list(Theme)
    readable = [status for status in Status if status is not Status.MERGED]
    assert [read_status(status) for status in readable] == readable
    assert [read_scale(scale) for scale in Scale] == list(Scale)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("FIN", Status.DONE), ("Terminé", Status.DONE), ("Réalisée", Status.DONE),
        ("TRAVAUX", Status.PUBLISHED), ("ETUDES", Status.PUBLISHED),
        ("LIVRAISON", Status.PUBLISHED), ("PROCEDURES", Status.PUBLISHED),
        ("NON DEMARRE", Status.PUBLISHED), ("non terminé", Status.PUBLISHED),
        ("en cours", Status.PUBLISHED), ("à réaliser", Status.PUBLISHED),
        ("ABANDONNÉ", Status.ARCHIVED), ("Annulé", Status.ARCHIVED), ("refusé", Status.REJECTED),
        ("En attente de validation", Status.PENDING), ("Associatif", None), ("Public", None),
        ("non validée", Status.PENDING), ("NON PUBLIÉ", Status.PENDING),
        ("à publier", Status.PENDING), ("masqué", Status.PENDING), ("privé", Status.PENDING),
        ("pas encore publié", Status.PENDING), ("publié", Status.PUBLISHED),
        ("validée", Status.PUBLISHED), ("non retenu", Status.REJECTED),
    ],
)  # fmt: skip
def test_statuses(text: str, status: Status | None) -> None:
    assert read_status(text) is status


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("Communauté de communes", Scale.EPCI), ("intercommunal", Scale.EPCI),
        ("PETR", Scale.EPCI), ("Commune", Scale.COMMUNE), ("Département", Scale.DEPARTEMENT),
        ("régionale", Scale.REGION), ("France entière", Scale.NATIONAL), ("SEM", None),
    ],
)  # fmt: skip
def test_scales(text: str, scale: Scale | None) -> None:
    assert read_scale(text) is scale


def test_markup_becomes_plain_text_with_its_paragraphs_lists_and_links() -> None:
    markup = (
        "<p>Un&nbsp;jardin &amp; <b>un four</b></p><ul><li>lundi</li><li>mardi</li></ul>"
        '<a href="https://exemple.fr/x">la page</a><script>alert(1)</script>'
    )
    assert block(markup) == (
        "Un jardin & un four\n\n- lundi\n\n- mardi\n\nla page (https://exemple.fr/x)"
    )


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&amp;lt;img src=x onerror=alert(1)&amp;gt;", "<img src=x onerror=alert(1)",
        "<<b>script>alert(1)</script>", "<svg/onload=alert(1)>", "<!--[if x]><b>-->",
    ],
)  # fmt: skip
def test_no_tag_survives(text: str) -> None:
    for plain in (block(text), one_line(text)):
        assert not any(f"<{letter}" in plain for letter in "abcdefghijklmnopqrstuvwxyz!/")


def test_signs_that_are_no_markup_stay() -> None:
    assert one_line("prix <100k & a < b, 3 > 2 <3") == "prix <100k & a < b, 3 > 2 <3"


def test_long_texts_are_cut_at_a_word_with_a_note(tmp_path: Path) -> None:
    assert shortened("un deux trois", 9) == "un deux…"
    row = only_row(tmp_path, f"titre,resume,description\n{'mot ' * 100},{'mot ' * 200},texte\n")
    assert (len(row.title) <= 200, len(row.summary) <= 500) == (True, True)
    assert row.problems == (
        "titre: 399 characters, cut to 200",
        "resume: 799 characters, cut to 500",
    )
    row = only_row(tmp_path, f"titre,resume,description\nA,{'mot ' * 200},\n")
    assert row.description == ("mot " * 200).strip()
    row = only_row(tmp_path, f"titre,description\nA,{'mot ' * 6000}\n")
    assert len(row.description) <= 20_000


def test_a_missing_title_takes_the_first_words_or_the_row_is_rejected(tmp_path: Path) -> None:
    text = (
        "nom,description,theme\n,Un verger à partager,\n,,Culture\n-,,\nNON REGISTRÉ,,Sport\nA,,\n"
    )
    rows = list(opened(tmp_path, text).rows)
    assert [row.title for row in rows] == [
        "Un verger à partager", "", "", "Sans titre (Sport)", "A",
    ]  # fmt: skip
    assert [bool(row.rejected) for row in rows] == [False, True, True, False, False]


@pytest.mark.parametrize("text", ["NON REGISTRE", "n/a", "-", "#N/A", "Non renseignée", "null"])
def test_placeholders_are_nothing(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize("text", ["Y", "Nanterre", "Non loin de la gare", "Videix", "Anc"])
def test_words_that_resemble_placeholders_are_kept(text: str) -> None:
    assert not is_placeholder(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://exemple.fr/a?b=1", "https://exemple.fr/a?b=1"),
        ("www.exemple.fr", "https://www.exemple.fr"),
        ("http://[", ""), ("https://localhost", ""), ("https://", ""),
    ],
)  # fmt: skip
def test_urls(tmp_path: Path, text: str, url: str) -> None:
    assert only_row(tmp_path, f"titre,lien\nA,{text}\n").url == url


def test_a_script_is_no_url(tmp_path: Path) -> None:
    rows = list(opened(tmp_path, "titre,lien\nA,javascript:alert(1)\nB,https://a.fr\n").rows)
    assert rows[0].url == ""
    assert rows[0].problems == ("lien: 'javascript:alert(1)' is not a web address; kept as it is",)


def test_an_identifier_given_twice_is_noted_on_the_later_row(tmp_path: Path) -> None:
    rows = list(opened(tmp_path, "id,titre\n7.0,A\n8,B\n7,C\n").rows)
    assert [row.external_id for row in rows] == ["7", "8", "7"]
    assert [row.problems for row in rows] == [(), (), ("id: '7' already stands in line 2",)]


def test_cells_that_their_field_cannot_take_are_kept_as_they_are(tmp_path: Path) -> None:
    """ "T1 2025" is no day, but somebody wrote it: it is shown beside the fields, not lost."""
    rows = list(
        opened(
            tmp_path,
            "Titre;Date de création;Date de mise à jour;Site web;Code postal;Latitude;Longitude\n"
            "Un four;T1 2025;hier;bientôt;35;48,1 nord;\n"
            "Un verger;2025-03-02;2024-01-01;lea.martin@gmail.com;35000;48.11;-1.68\n"
            "Un compost;2025-03-02;2025-04-01;https://exemple.fr;35000;48.11;-1.68\n"
            "Une mare;2999-01-01;;;35000;;\n",
        ).rows
    )

    assert rows[0].attributes == {
        "Date de création": "T1 2025",
        "Date de mise à jour": "hier",
        "Site web": "bientôt",
        "Code postal": "35",
        "Latitude": "48,1 nord",
    }
    assert (rows[0].created_on, rows[0].url, rows[0].postcode, rows[0].lat) == ("", "", "", None)
    # Where somebody can be reached is for moderators, as in every other column.
    assert rows[1].attributes == {"Date de mise à jour": "2024-01-01"}
    assert rows[1].withheld == {"Site web": "lea.martin@gmail.com"}
    assert (rows[2].attributes, rows[2].withheld) == ({}, {})
    assert rows[3].attributes == {"Date de création": "2999-01-01"}


def test_of_two_columns_of_like_names_both_are_kept(
    tmp_path: Path,
) -> None:
    text = "Titre;Date de création;DATE DE CREATION\nUn four;T1 2025;2025\nUn verger;2024;x\n"
    rows = list(opened(tmp_path, text).rows)
    assert rows[0].attributes == {"Date de création": "T1 2025", "DATE DE CREATION": "2025"}
