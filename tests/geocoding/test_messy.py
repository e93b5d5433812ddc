"""Messy places of kinds that people really type; what each means is sure from the words alone."""

import pytest

from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.model import GeocodeQuery, MatchStatus

SURE = (MatchStatus.CERTAIN, MatchStatus.LIKELY)

MESSY = {
    "a lost zero": [
        ("1000 Bourg en Bresse", "01053"),
        ("Nice 6000", "06088"),
        ("2100 ST QUENTIN", "02691"),
        ("9000 foix", "09122"),
        ("rue du Pont 1500 AMBERIEU-EN-BUGEY", "01004"),
        ("4000 Digne les Bains", "04070"),
        ("06 000 nice", "06088"),
        (" 8000 CHARLEVILLE MEZIERES", "08105"),
    ],
    "a wrong postcode": [
        ("12 rue Pasteur 75001 Marseille", "13055"),
        ("69001 Villeurbanne", "69266"),
        ("31000 BLAGNAC", "31069"),
        ("44000 Saint-Herblain", "44162"),
        ("33000 Pessac", "33318"),
        ("59000 Roubaix", "59512"),
        ("13100 Marseille", "13055"),
        ("35001 Vitré", "35360"),
    ],
    "misspelt": [
        ("68100 Mulouse", "68224"),
        ("67000 Strasboug", "67482"),
        ("29000 Quimpair", "29232"),
        ("64100 Bayone", "64102"),
        ("57000 Mets", "57463"),
        ("34000 Montpelier", "34172"),
        ("74000 Anecy", "74010"),
        ("87000 Limoge", "87085"),
        ("59140 Dunkerke", "59183"),
        ("62200 Boulognes sur Mer", "62160"),
        ("17000 La Rochel", "17300"),
        ("13200 Arle", "13004"),
        ("Villefranche sur Saone 69400", "69264"),
        ("69400 Vilefranche/Saône", "69264"),
        ("38500 Voirron", "38563"),
        ("22300 Lanion", "22113"),
    ],
    "two communes": [
        ("Association de Lyon, 42000 Saint-Étienne", "42218"),
        ("Club Paris, 13 rue de Nantes, 59000 Lille", "59350"),
        ("Route de Bordeaux 40000 Mont de Marsan", "40192"),
        ("Brest Métropole 29490 Guipavas", "29075"),
        ("Gare de Lyon 75012 Paris", "75056"),
        ("CCI de Rouen - 76600 Le Havre", "76351"),
    ],
    "a street named for a town": [
        ("boulevard de Strasbourg, Toulon", "83137"),
        ("avenue de Paris 79000 Niort", "79191"),
        ("rue de Lyon, Mâcon", "71270"),
        ("cours de Vincennes 75020 PARIS", "75056"),
        ("3 place de Verdun 65000 Tarbes", "65440"),
        ("rue d'Orléans, Pithiviers", "45252"),
        ("14 rue de Belfort, Besançon", "25056"),
        ("rue Saint-Denis 75002 Paris", "75056"),
        ("quai de Metz 76600 le havre", "76351"),
    ],
    "cedex and boxes": [
        ("BP 90000 31000 TOULOUSE CEDEX 6", "31555"),
        ("CS 12345, 35042 RENNES CEDEX", "35238"),
        ("TSA 30719 59787 LILLE CEDEX 9", "59350"),
        ("54035 Nancy cdx", "54395"),
        ("33075 BORDEAUX CEDEX", "33063"),
    ],
    "sur": [
        ("CHALON S/SAONE", "71076"),
        ("Chalon/Saône 71100", "71076"),
        ("Neuilly s/ Seine", "92051"),
        ("NEUILLY/SEINE 92", "92051"),
        ("Boulogne s. Mer", "62160"),
        ("Cagnes-s-mer", "06027"),
        ("ROMANS S ISERE", "26281"),
        ("Bar / Aube", "10033"),
        ("Vitry/Seine 94400", "94081"),
        ("la roche s/ yon", "85191"),
        ("Chalons en Champagne", "51108"),
        ("Châlons/Marne 51000", "51108"),
    ],
    "saints": [
        ("ST ETIENNE", "42218"),
        ("ste foy les lyon", "69202"),
        ("St-Germain-en-L.", "78551"),
        ("ST MAUR DES FOSSES", "94068"),
        ("S.t Nazaire 44600", "44184"),
        ("St. Malo", "35288"),
        ("St.-Brieuc", "22278"),
        ("Saint Jean de la Ruelle (45)", "45285"),
        ("Sts Geosmes", "52449"),
    ],
    "upper case": [
        ("LHAY LES ROSES", "94038"),
        ("L HAY LES ROSES 94240", "94038"),
        ("EPINAY SOUS SENART", "91215"),
        ("ILE D YEU", "85113"),
        ("LILE D YEU", "85113"),
        ("SAINT JEAN D ANGELY", "17347"),
        ("BOIS D ARCY 78", "78073"),
        ("CHATEAU D OLONNE", "85194"),
        ("ESTREES ST DENIS", "60223"),
        ("VILLENEUVE D ASCQ", "59009"),
    ],
    "arrondissements": [
        ("Paris XVIIIème", "75056"),
        ("PARIS 20E ARRONDISSEMENT", "75056"),
        ("Paris 11", "75056"),
        ("Lyon 7e", "69123"),
        ("69003 lyon 3eme", "69123"),
        ("Marseille 13008 8ème arr", "13055"),
        ("75116 PARIS 16", "75056"),
        ("Lyon IX", "69123"),
        ("69383", "69123"),
    ],
    "former communes": [
        ("Pierrefitte sur Seine 93380", "93066"),
        ("L'Oie", "85165"),
        ("Château-d'Olonne", "85194"),
        ("Cherbourg-Octeville", "50129"),
        ("Cherbourg", "50129"),
        ("Octeville 50130", "50129"),
        ("Équeurdreville-Hainneville", "50129"),
        ("Annecy-le-Vieux 74940", "74010"),
        ("Seynod", "74010"),
        ("Lomme", "59350"),
        ("Saint-Hilaire-du-Harcouët", "50484"),
        ("Hellemmes-Lille", "59350"),
        ("Bourg-Saint-Léonard", "61474"),
        ("Les Sables d'olonne", "85194"),
        ("Olonne-sur-Mer", "85194"),
        ("Magny-Danigon 70200", "70318"),
    ],
    "départements": [
        ("Saint-Denis Réunion", "97411"),
        ("Sainte-Marie Martinique", "97228"),
        ("Sainte-Marie (974)", "97418"),
        ("Mons (Var)", "83080"),
        ("Valence (Drome)", "26362"),
        ("Valence 82", "82186"),
        ("Beaumont, Puy-de-Dôme", "63032"),
        ("Montreuil 93100", "93048"),
    ],
    "noise": [
        ("commune de Fougères", "35115"),
        ("Ville de Quimper", "29232"),
        ("mairie de Guingamp 22", "22070"),
        ("environs de Carhaix-Plouguer", "29024"),
        ("Fougères et alentours", "35115"),
        ("près de Lamballe", "22093"),
        ("canton de Redon", "35236"),
        ("secteur de Douarnenez", "29046"),
        ("Morlaix centre", "29151"),
        ("centre-ville de Lannion", "22113"),
        ("35 - Rennes", "35238"),
        ("Rennes-35000", "35238"),
        ("RENNES(35)", "35238"),
        ("35/Rennes", "35238"),
        ("Rennes cedex 7", "35238"),
        ("35000, Rennes, France", "35238"),
        ("Rennes;35000", "35238"),
        ("Rennes 35000 35000 Rennes", "35238"),
        ("02 99 00 11 22 - 35000 Rennes", "35238"),
        ("contact@asso.fr, 12 rue des Lilas 29200 Brest", "29019"),
        ("Tél. 0298001122, Brest", "29019"),
        ("L&#039;Haÿ-les-Roses", "94038"),
        ("Saint-Ã‰tienne", "42218"),
        ("Besançon", "25056"),
        ("BesanÃ§on 25000", "25056"),
        ("Nîmes (Gard)", "30189"),
        ("7501O Paris", "75056"),
        ("F-67000 STRASBOURG", "67482"),
        ("FR 13090 Aix en Pce", "13001"),
        ("Aix-en-Pce", "13001"),
        ("ST GERMAIN LAYE 78100", "78551"),
        ("st etienne du rvray 76800", "76575"),
        ("Le Kremlin Bicetre", "94043"),
        ("kremlin-bicêtre", "94043"),
        ("Puy en Velay", "43157"),
        ("Havre (Le)", "76351"),
        ("Mans (Le) 72000", "72181"),
        ("Sables d'Olonne (Les)", "85194"),
        ("au Mans", "72181"),
        ("aux Sables-d'Olonne", "85194"),
        ("Montélimart", "26198"),
        ("Monpellier", "34172"),
        ("Lyons", "69123"),
        ("Angouleme", "16015"),
        ("chateauroux", "36044"),
        ("Dijon 21", "21231"),
        ("TOULOUSE / 31", "31555"),
        ("salle des fêtes, Plouha", "22222"),
        ("Place du marché - Lamballe-Armor", "22093"),
        ("15 bis, rue du Gal de Gaulle - 68000 COLMAR", "68066"),
        ("Lieu-dit Kerbiquet 22480 Saint-Nicolas-du-Pélem", "22321"),
        ("ZA de la Gare, Pontivy", "56178"),
        ("Hôtel de Ville, 1 place de la Mairie, 56000 VANNES", "56260"),
        ("2 rte de Vannes 44700 ORVAULT", "44114"),
        ("44 NANTES", "44109"),
        ("44NANTES", "44109"),
        ("nantes44", "44109"),
        ("Nantes (44000)", "44109"),
        ("[44000] Nantes", "44109"),
        ("Nantes - Loire Atlantique - Pays de la Loire", "44109"),
        ("Ploërmel Morbihan Bretagne France", "56165"),
        ("Auray,Morbihan", "56007"),
        ("Lons le Saunier (39) Jura", "39300"),
        ("Ajaccio 2A", "2A004"),
        ("20200 BASTIA", "2B033"),
        ("Bastia (Haute Corse)", "2B033"),
        ("20000 ajacio", "2A004"),
        ("Fort de France 97200", "97209"),
        ("Saint Pierre, La Réunion", "97416"),
        ("St Pierre 97410", "97416"),
        ("Cayenne Guyane", "97302"),
        ("Les Abymes (Guadeloupe)", "97101"),
        ("Mamoudzou 97600", "97611"),
        ("rue de Rennes, 75006", "75056"),
        ("PARIS 75006 - 6EME", "75056"),
        ("Lyon 69007", "69123"),
        ("Saint Martin d Heres 38400", "38421"),
        ("ST MARTIN D'HERES", "38421"),
        ("villeneuve sur lot", "47323"),
        ("VILLENEUVE/LOT 47300", "47323"),
        ("Villeneuve s/Lot", "47323"),
        ("Crépy-en-V. 60800", "60176"),
        ("Pont St Esprit", "30202"),
        ("Mt de Marsan", "40192"),
        ("Mont-St-Aignan", "76451"),
        ("N.D. de Gravenchon", "76476"),
        ("Notre Dame de Bondeville", "76474"),
        ("ND de Bondeville", "76474"),
    ],
    "articles": [
        ("Haye (La) (76)", "76352"),
        ("12 rue du Port, Havre (Le) 76600", "76351"),
        ("76600 HAVRE (LE)", "76351"),
        ("Abymes (Les), Guadeloupe", "97101"),
    ],
}


@pytest.mark.parametrize("kind", MESSY)
def test_the_commune_is_found(france: Geocoder, kind: str) -> None:
    missed = [
        (text, match.commune, str(match.status))
        for text, commune in MESSY[kind]
        if (match := france.match(GeocodeQuery(text))).commune != commune
        or match.status not in SURE
    ]
    assert missed == []


@pytest.mark.parametrize(
    ("query", "commune"),
    [
        (GeocodeQuery(text="Rennes", postcode="35000"), "35238"),
        (GeocodeQuery(text="35000", postcode="Rennes"), "35238"),
        (GeocodeQuery(city="35000 Rennes"), "35238"),
        (GeocodeQuery(text="12 rue X", postcode="Nantes", city="44000"), "44109"),
        (GeocodeQuery(text="Cahors 46000", postcode="12 av. Pasteur"), "46042"),
    ],
)
def test_fields_may_be_swapped(france: Geocoder, query: GeocodeQuery, commune: str) -> None:
    match = france.match(query)
    assert match.commune == commune
    assert match.status in SURE


@pytest.mark.parametrize(
    ("text", "commune"),
    [
        ("56140 Saint-Marcel", "56228"),
        ("56140 Saint-Mar", "56228"),
        ("84120 La Bastid", "84010"),
        ("29880 Plougue", "29195"),
    ],
)
def test_a_field_cut_short_beside_its_postcode(france: Geocoder, text: str, commune: str) -> None:
    match = france.match(GeocodeQuery(text))
    assert match.commune == commune
    assert match.status in SURE


def test_an_unknown_hamlet_behind_the_postcode_of_one_commune(france: Geocoder) -> None:
    """Another commune's name is but its beginning: La Plaine, La Plaine-des-Palmistes."""
    match = france.match(GeocodeQuery("12 rue des Ecoles, 97418 LA PLAINE DES CAFRES"))
    assert (match.commune, match.status) == ("97422", MatchStatus.LIKELY)


@pytest.mark.parametrize(
    "town", ["Bruxelles", "Barcelone", "Tournai", "Ville de Bruxelles", "12 rue Neuve, Mayence"]
)
def test_a_town_abroad_is_no_misspelt_commune(france: Geocoder, town: str) -> None:
    match = france.match(GeocodeQuery(town))
    assert str(match.status) == "ambiguous"
    assert match.reason == "a town abroad bears the name as it is written"


def test_beside_its_postcode_the_like_name_is_the_commune(france: Geocoder) -> None:
    assert france.match(GeocodeQuery("Bruxelles 80230")).commune == "80146"


@pytest.mark.parametrize(
    ("text", "precision", "departement"),
    [
        ("Ixelles", "none", ""),  # is not in Jura, as Uxelles is
        ("Genève", "none", ""),
        ("Vienne", "none", ""),  # the town in Isère, or the département
        ("Rennes (44)", "none", ""),
        ("Sainte-Colombe (35)", "commune", "35"),
        ("Saint-Martin, Hautes-Pyrénées", "commune", "65"),
    ],
)
def test_an_open_choice_is_known_to_what_all_readings_share(
    france: Geocoder, text: str, precision: str, departement: str
) -> None:
    match = france.match(GeocodeQuery(text))
    assert (str(match.precision), match.parts.departement) == (precision, departement)
