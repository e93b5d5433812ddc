"""Texts of several words: what each asks for first. Real communes, and words of every day."""

import json
from html import unescape
from urllib.parse import quote_plus, unquote_plus

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.site.search.intent import understand
from mapservice.site.search.model import PlacesFound
from tests.site.search.conftest import BIKES
from tests.site.search.test_search import ask
from tests.web.population import fill

# A text; the place, the days, the themes and the words that it asks for.
ASKED = (
    ("ce week-end à Rennes", "commune:35238", "weekend", "", ""),
    ("vélo Lyon", "commune:69123", "", "", "vélo"),
    ("Rennes ce week-end", "commune:35238", "weekend", "", ""),
    ("Lyon vélo", "commune:69123", "", "", "vélo"),
    ("aujourd'hui à Nantes", "commune:44109", "today", "", ""),
    ("aujourd’hui Nantes", "commune:44109", "today", "", ""),
    ("cette semaine à Brest", "commune:29019", "week", "", ""),
    ("que faire à Strasbourg ce week-end", "commune:67482", "weekend", "", ""),
    ("que faire ce weekend à Lille ?", "commune:59350", "weekend", "", ""),
    ("quoi faire aujourd'hui à Marseille", "commune:13055", "today", "", ""),
    ("ce soir à Toulouse", "commune:31555", "today", "", ""),
    ("week end Bordeaux", "commune:33063", "weekend", "", ""),
    ("samedi et dimanche à Nice", "commune:06088", "weekend", "", ""),
    ("jardin partagé ce week-end à Grenoble", "commune:38185", "weekend", "", "jardin partagé"),
    ("this weekend in Lyon", "commune:69123", "weekend", "", ""),
    ("prochain week-end Nantes", "commune:44109", "weekend", "", ""),
    ("le prochain dimanche à Dijon", "commune:21231", "sunday", "", ""),
    ("associations à Brest", "commune:29019", "", "", ""),
    ("activités enfants Dijon", "commune:21231", "", "", "enfants"),
    ("ce week-end", "", "weekend", "", ""),
    ("aujourd'hui", "", "today", "", ""),
    ("culture ce week-end", "", "weekend", "culture", ""),
    ("vélo ce week-end", "", "weekend", "", "vélo"),
    ("mobilité Lyon", "commune:69123", "", "mobilite", ""),
    ("mobilité à Rennes", "commune:35238", "", "mobilite", ""),
    ("Bretagne alimentation", "region:53", "", "alimentation", ""),
    ("alimentation en Bretagne", "region:53", "", "alimentation", ""),
    ("environnement Loire-Atlantique", "departement:44", "", "environnement", ""),
    ("culture dans le Finistère", "departement:29", "", "culture", ""),
    ("solidarité Seine-Saint-Denis", "departement:93", "", "solidarite", ""),
    ("éducation Marseille", "commune:13055", "", "education", ""),
    ("habitat à Montreuil", "commune:93048", "", "habitat", ""),
    ("économie locale Angers", "commune:49007", "", "economie", ""),
    ("solidarité à Lille cette semaine", "commune:59350", "week", "solidarite", ""),
    ("culture Rennes ce week-end", "commune:35238", "weekend", "culture", ""),
    ("vélo à Lyon", "commune:69123", "", "", "vélo"),
    ("vélos à Lyon", "commune:69123", "", "", "vélos"),
    ("atelier vélo à Strasbourg", "commune:67482", "", "", "atelier vélo"),
    ("compost Nantes", "commune:44109", "", "", "compost"),
    ("compost de quartier à Niort", "commune:79191", "", "", "compost de quartier"),
    ("jardin partagé Paris", "commune:75056", "", "", "jardin partagé"),
    ("jardins partagés à Montpellier", "commune:34172", "", "", "jardins partagés"),
    ("repair café Dijon", "commune:21231", "", "", "repair café"),
    ("repair café à Clermont-Ferrand", "commune:63113", "", "", "repair café"),
    ("AMAP Tours", "commune:37261", "", "", "AMAP"),
    ("amap Orléans", "commune:45234", "", "", "amap"),
    ("ressourcerie Amiens", "commune:80021", "", "", "ressourcerie"),
    ("épicerie solidaire Reims", "commune:51454", "", "", "épicerie solidaire"),
    ("bourse aux vélos Le Mans", "commune:72181", "", "", "bourse aux vélos"),
    ("bourse aux vélos au Mans", "commune:72181", "", "", "bourse aux vélos"),
    ("potager Le Havre", "commune:76351", "", "", "potager"),
    ("potager au Havre", "commune:76351", "", "", "potager"),
    ("fête de la musique Limoges", "commune:87085", "", "", "fête de la musique"),
    ("ramassage de déchets à La Rochelle", "commune:17300", "", "", "ramassage de déchets"),
    ("covoiturage Saint-Malo", "commune:35288", "", "", "covoiturage"),
    ("covoiturage st malo", "commune:35288", "", "", "covoiturage"),
    ("tiers-lieu Saint-Étienne", "commune:42218", "", "", "tiers-lieu"),
    ("tiers lieu saint etienne", "commune:42218", "", "", "tiers lieu"),
    ("bibliothèque vivante Aix-en-Provence", "commune:13001", "", "", "bibliothèque vivante"),
    ("marché de producteurs à Vannes", "commune:56260", "", "", "marché de producteurs"),
    ("four à pain à Plouha", "commune:22222", "", "", "four à pain"),
    ("boîte à livres à Quimper", "commune:29232", "", "", "boîte à livres"),
    ("café associatif dans la Creuse", "departement:23", "", "", "café associatif"),
    ("café associatif Creuse", "departement:23", "", "", "café associatif"),
    ("recyclerie en Normandie", "region:28", "", "", "recyclerie"),
    ("recyclerie Normandie", "region:28", "", "", "recyclerie"),
    ("énergie citoyenne en Occitanie", "region:76", "", "", "énergie citoyenne"),
    ("vélo en Île-de-France", "region:11", "", "", "vélo"),
    ("vélo ile de france", "region:11", "", "", "vélo"),
    ("tortues La Réunion", "region:04", "", "", "tortues"),
    ("tortues à La Réunion", "region:04", "", "", "tortues"),
    ("lavoir PACA", "region:93", "", "", "lavoir"),
    ("lavoir Ille-et-Vilaine", "departement:35", "", "", "lavoir"),
    ("lavoir 35", "departement:35", "", "", "lavoir"),
    ("lavoir dans le 35", "departement:35", "", "", "lavoir"),
    ("compost 35000", "commune:35238", "", "", "compost"),
    ("compost 75011", "commune:75056", "", "", "compost"),
    ("compost Paris 11e", "commune:75056", "", "", "compost"),
    ("jardin Lyon 7e", "commune:69123", "", "", "jardin"),
    ("jardin Saint-Denis 93", "commune:93066", "", "", "jardin"),
    ("jardin Saint-Denis (Réunion)", "commune:97411", "", "", "jardin"),
    ("jardin à Vienne (Isère)", "commune:38544", "", "", "jardin"),
    ("jardin Pierrefitte-sur-Seine", "commune:93066", "", "", "jardin"),
    ("jardin à Pierrefitte-sur-Seine", "commune:93066", "", "", "jardin"),
    ("Pierrefitte-sur-Seine compost", "commune:93066", "", "", "compost"),
    ("ce week-end à Pierrefitte-sur-Seine", "commune:93066", "weekend", "", ""),
    ("autopartage Rennes Métropole", "epci:243500139", "", "", "autopartage"),
    ("vélo métropole de Lyon", "epci:200046977", "", "", "vélo"),
    ("initiatives à Rennes", "commune:35238", "", "", ""),
    ("les initiatives de Rennes", "commune:35238", "", "", ""),
    ("initiatives vélo à Rennes", "commune:35238", "", "", "vélo"),
    ("vélo près de Chartres", "commune:28085", "", "", "vélo"),
    ("vélo autour de Poitiers", "commune:86194", "", "", "vélo"),
    ("ferme en ville à Colombes", "commune:92025", "", "", "ferme en ville"),
    ("hébergement solidaire sur Perpignan", "commune:66136", "", "", "hébergement solidaire"),
    ("cantine Villeurbanne", "commune:69266", "", "", "cantine"),
    ("cantine bio à Mouans-Sartoux", "commune:06084", "", "", "cantine bio"),
    ("Loos-en-Gohelle énergie", "commune:62528", "", "", "énergie"),
    ("monnaie locale Pays basque", "epci:200067106", "", "", "monnaie locale"),
    ("fête des voisins", "", "", "", "fête des voisins"),
    ("jardin partagé", "", "", "", "jardin partagé"),
    ("ferme en ville", "", "", "", "ferme en ville"),
    ("four à pain", "", "", "", "four à pain"),
    ("la fête de la nature", "", "", "", "fête de la nature"),
    ("boîte à livres", "", "", "", "boîte à livres"),
    ("repas de quartier", "", "", "", "repas de quartier"),
    ("marché de Noël", "", "", "", "marché de Noël"),
)


@pytest.mark.parametrize(("q", "place", "days", "theme", "words"), ASKED)
def test_what_a_text_asks_for(
    searching: FlaskClient, q: str, place: str, days: str, theme: str, words: str
) -> None:
    understood = ask(searching, q)["understood"]
    if understood is None:
        told: tuple[object, ...] = ("", "", "", words)
    else:
        where = understood["place"]
        told = (
            f"{where['level']}:{where['code']}" if where else "",
            understood["when"],
            " ".join(understood["themes"]),
            understood["words"],
        )
    assert told == (place, days, theme, words), understood


def test_there_are_a_hundred() -> None:
    assert len({q for q, *_ in ASKED}) >= 100


def test_a_place_and_a_word_find_what_is_there_first(searching: FlaskClient) -> None:
    found = ask(searching, "vélo Rennes")
    assert [one["title"] for one in found["initiatives"]] == ["Atelier vélo"]
    assert found["understood"]["url"] == "/initiatives?q=v%C3%A9lo&territory=commune:35238"
    assert found["understood"]["name"] == "«\u00a0vélo\u00a0» · Rennes"
    assert found["places"][0]["code"] == "35238"
    assert found["themes"][0]["url"] == "/initiatives?theme=mobilite&territory=commune:35238"
    page = searching.get("/recherche?q=vélo Rennes").text
    assert page.index("«\u00a0vélo\u00a0» · Rennes") < page.index("Atelier vélo")
    # The word is not said there: what is of its theme follows.
    assert [one["title"] for one in ask(searching, "covoiturage Rennes")["initiatives"]] == [
        "Atelier vélo"
    ]
    assert ask(searching, "vélo Lyon")["initiatives"] == []


def test_a_former_commune_stays_visible_in_the_words(searching: FlaskClient) -> None:
    found = ask(searching, "jardin Pierrefitte-sur-Seine")
    assert found["understood"]["name"] == (
        "«\u00a0jardin\u00a0» · Saint-Denis (Pierrefitte-sur-Seine)"
    )
    assert (
        "Saint-Denis (Pierrefitte-sur-Seine)"
        in searching.get("/recherche?q=jardin Pierrefitte-sur-Seine").text
    )


def test_a_place_alone_is_gone_to_as_before(searching: FlaskClient) -> None:
    assert ask(searching, "Rennes")["understood"] is None
    assert searching.get("/recherche?q=Rennes").status_code == 303
    assert searching.get("/recherche?q=Rennes ce week-end").status_code == 200


def test_days_are_a_filter_or_are_said_to_be_none(searching: FlaskClient) -> None:
    understood = ask(searching, "ce week-end à Rennes")["understood"]
    told = "when=weekend" in understood["url"]
    assert told != bool(understood["left_out"])
    assert ("ce week-end" in understood["name"]) == told
    page = searching.get("/recherche?q=ce week-end à Rennes").text
    assert ("les dates ne sont pas encore un filtre" in page) != told


def test_a_filter_that_is_chosen_holds_beside_the_words(searching: FlaskClient) -> None:
    found = ask(searching, "vélo Rennes", territory="departement:69")
    assert "territory=departement:69" in found["understood"]["url"]


def test_any_text_is_taken_apart_without_fail() -> None:
    for text in ("", " , ; ", "à", "de la à", "ce week-end", "x " * 300, "’’’ ---"):
        intent = understand(text, lambda _text: PlacesFound())
        assert json.dumps(intent.words) is not None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("velo lyo", "velo Lyon"),
        ("Toulous jardin", "Toulouse jardin"),
        ("pique-nique Montpelier", "pique-nique Montpellier"),
        ("zzxqyyv wvkk", ""),
        ("zzxqyyv", ""),
    ],
)
def test_a_misspelt_town_is_asked_about_where_nothing_answers(
    client: FlaskClient, text: str, meant: str
) -> None:
    page = unescape(client.get("/recherche", query_string={"q": text}).text)
    told = page.partition('id="respelt"')[2].partition("</section>")[0]
    assert bool(told) == bool(meant)
    if meant:
        assert f"<strong>{meant}</strong>" in told
        assert f"q={quote_plus(meant)}" in told


@pytest.mark.parametrize(
    "text",
    ["jardin près de chez moi", "autour de moi jardin", "jardin par ici", "jardin near me"],
)
def test_what_is_around_whoever_asks_leads_to_where_one_says_so(
    client: FlaskClient, text: str
) -> None:
    answer = client.get("/recherche", query_string={"q": text})
    understood = unescape(answer.text).partition('id="understood"')[2].partition("</section>")[0]
    assert "jardin" in understood.partition("</strong>")[0]
    assert "moi" not in understood.partition("</strong>")[0]
    assert 'href="/autour-de-moi"' in understood


def test_a_name_of_two_towns_means_both_beside_words(searching: FlaskClient) -> None:
    """Nobody said which Saint-Denis: what one of them has is not denied for the other."""
    understood = ask(searching, "permanence Saint-Denis")["understood"]
    address = unquote_plus(understood["url"])
    assert "territory=commune:97411,commune:93066" in address
    assert "Saint-Denis (La Réunion) ou Saint-Denis (Seine-Saint-Denis)" in understood["name"]
    for text, code in (("vélo Lyon", "69123"), ("vélo à Montreuil", "93048")):
        assert f"territory=commune:{code}" in ask(searching, text)["understood"]["url"]
        assert "," not in unquote_plus(ask(searching, text)["understood"]["url"])


def test_what_initiatives_say_is_no_misspelt_town(engine: Engine, client: FlaskClient) -> None:
    fill(engine, [BIKES])
    assert ask(client, "ateliers vél")["places"] == []
    for text in ("atelier", "atelier vélo zzxqyyv", "atelier zzxqyyv"):
        page = unescape(client.get("/recherche", query_string={"q": text}).text)
        assert "Allier" not in page
    # Where no initiative has all words, each that some have leads to them; no street is an idea.
    assert '/initiatives?q=atelier"' in page
    assert "« atelier » seul" in page.replace("\N{NO-BREAK SPACE}", " ").replace("\u202f", " ")
    for text in ("12 rue du Zzxqyyv", "rue de la République, Lyon"):
        page = unescape(client.get("/recherche", query_string={"q": text}).text)
        assert "Les rues ne sont pas connues" in page
        assert "Personne n’a encore proposé" not in page


def test_words_that_a_place_does_not_say_lead_on(engine: Engine, client: FlaskClient) -> None:
    fill(engine, [BIKES])
    page = unescape(client.get("/recherche?q=atelier Nantes").text)
    for address in ("/initiatives?q=atelier", "/initiatives?territory=commune:44109"):
        assert f'href="{address}"' in unquote_plus(page)
    # Not to a list in which nothing is.
    assert '/initiatives?q=zzxqyyv"' not in client.get("/recherche?q=zzxqyyv Nantes").text
    # A bare homonym has its towns: nobody asked for initiatives that say its name.
    assert 'id="results"' not in client.get("/recherche?q=Saint-Denis").text
