"""Words of French addresses that say what stands next to them."""

import re

from mapservice.geocoding.matching.normalise import fold


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STREET_TYPES = _words("""
    rue r re ru avenue av ave boulevard boulevart bd
    bld bvd blvd boul place pl plc chemin che chem ch
    route rte allee allees all impasse imp quai quais
    qu cours crs square sq passage pass psg faubourg
    fbg fg sentier sente sen ruelle rle villa vla vlla rond point rpt esplanade esp promenade prom
    chaussee chs voie voies montee mte cote venelle
    ven traverse tra trav carrefour car mail galerie
    gal dreve parvis levee rocade rampe escalier peristyle placette plan traboule perspective
    autoroute bretelle giratoire degre charmille
    """)

SITE_WORDS = _words("""
    residence res lotissement lot hameau ham lieu dit
    lieudit cite clos cour domaine dom parc zone za
    zi zac zae batiment bat immeuble imm
    etage appartement appt escalier porte bourg village quartier
    quart centre tour ferme jardin jardins square moulin
    manoir maison chalet espace site pole local bureau box
    """)

# What bears a name of its own within a commune: "Résidence Les Lilas" is not Les Lilas.
LOCALITY_TYPES = _words("""
    residence res lotissement hameau lieudit dit immeuble imm batiment bat quartier
    """)

# The same at the head of a line only: elsewhere they are parts of names ("rue Jean Moulin").
LEADING_LOCALITY_TYPES = LOCALITY_TYPES | _words(
    "cite clos domaine dom ferme moulin manoir chalet lot ham quart"
)

FACILITIES = _words("""
    mairie gare ecole eglise college lycee mediatheque bibliotheque musee theatre cinema station
    hopital hospice prefecture tribunal poste stade
    piscine gymnase salle commune ville hotel aeroport
    port plage chateau abbaye universite caf cpam msa antenne association communaute aerodrome ccas
    office syndicat agglomeration metropole camping marche club foyer comite ehpad
    """)

LINKERS = _words("de du des d la le les l a au aux en sur sous et un une")

# Words that may stand between "rue de" and the name that the street bears.
STREET_ADJECTIVES = _words(
    "grand petit petite vieux vieille ancien ancienne nouveau nouvelle pont porte faubourg"
)

TITLES = _words("""
    general gal gnl gen marechal mal colonel col capitaine cap commandant cdt cmdt lieutenant lt
    sergent amiral docteur dr professeur pr prof president abbe pere soeur frere monseigneur mgr
    cardinal pasteur chanoine cure maitre me mademoiselle mlle madame mme monsieur mr saint sainte
    duc comte marquis baron roi prince princesse reine sainte notre dame
    abel achille adele adrien agnes aime alain
    albert alexandre alexis alfred aline alphonse ambroise
    amedee anatole andre ange anne antoine antonin aristide armand arsene arthur auguste augustin
    barthelemy baptiste benjamin benoit bernard blaise camille carl catherine cecile celestin cesar
    charles charlotte christian christophe claire claude clement colette cyrille daniel david denis
    denise didier dominique edgar edith edmond edouard eleonore elie elisa elisabeth emile emilie
    emmanuel ernest etienne eugene eugenie eva
    evariste fabien felix ferdinand fernand flora florent
    francis francois francoise frederic gabriel gabrielle gaetan gaspard gaston genevieve george
    georges gerard germain germaine gilbert gilles
    guillaume gustave guy hector helene henri henriette
    henry hector hippolyte honore hubert hugues
    irene isaac isabelle isidore jacqueline jacques jean
    jeanne jerome joachim joseph josephine jules julie
    julien juliette justin lazare leo leon leonard
    leonie leopold louis louise luc lucie lucien lucienne ludovic madeleine marc marcel marceau
    marcelin marguerite maria marie marthe martin mathieu mathilde matthieu maurice max maximilien
    maxime michel mickael nelson nestor nicolas noel
    octave odette olivier olympe oscar pablo pascal
    patrice paul pauline philippe pierre prosper raoul raphael raymond raymonde rene renee richard
    robert roger roland romain rosa rosalie sadi
    salvador samuel sebastien simon simone solange sophie
    stephane suzanne theodore theophile therese thomas urbain valentin victor vincent virginie
    vladimir voltaire walter william xavier yves yvette yvonne zephirin
    """)

# Words that make what follows the name of an EPCI or of another grouping of communes.
GROUPINGS = _words("cc ca cu communaute agglomeration metropole petr sivom sivu scot pays")

COUNTRIES = {
    "allemagne": "Germany",
    "andorre": "Andorra",
    "angleterre": "England",
    "belgique": "Belgium",
    "canada": "Canada",
    "espagne": "Spain",
    "italie": "Italy",
    "maroc": "Morocco",
    "algerie": "Algeria",
    "tunisie": "Tunisia",
    "senegal": "Senegal",
    "monaco": "Monaco",
    "paysbas": "the Netherlands",
    "portugal": "Portugal",
    "quebec": "Quebec",
    "royaumeuni": "the United Kingdom",
    "suisse": "Switzerland",
}

# What kind of area is meant, and that all of it is.
AREA_KINDS = _words("departement departements dept dep dpt region regions")
WHOLE_WORDS = _words("tout toute toutes partout ensemble entier entiere")

# Everyday short names of today's régions and of départements (compact spelling -> official name).
SHORT_REGIONS = {
    "paca": "Provence-Alpes-Côte d'Azur",
    "idf": "Île-de-France",
    "aura": "Auvergne-Rhône-Alpes",
    "reunion": "La Réunion",
}

MONTHS = _words(
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre"
)

# Never a town unless the text says nothing else, or a postcode agrees.
GENERIC_WORDS = (
    STREET_TYPES
    | SITE_WORDS
    | FACILITIES
    | LINKERS
    | MONTHS
    | STREET_ADJECTIVES
    | {"grande", "haut", "haute", "bas", "basse", "neuf", "neuve", "nationale", "royale"}
    | {"saint", "sainte"}
)

# Towns abroad whose French name is so near to that of a French commune that it would be taken for a
# misspelling of it: "Bruxelles" for Brutelles (Somme), "Mayence" for Mayenne. Found by asking for
# all names of towns of 10,000 people in the neighbouring countries, and of 100,000 elsewhere
# (GeoNames, CC BY 4.0), and kept where French people write them so.
TOWNS_ABROAD = _words(
    "aachen ascot barcelone brecht breme bruxelles carouge casablanca chaudfontaine delemont dinant"
    " esslingen fellbach forest gerone hildesheim homburg ingelheim ivree kassel littau livourne"
    " mayence monthey nivelles padoue pompei pouzzoles sagonte saintgall sainthelens salerne sanaa"
    " taipe tehran theux thonex tournai varese verone"
)

ROMAN = {
    "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10,
    "xi": 11, "xii": 12, "xiii": 13, "xiv": 14, "xv": 15, "xvi": 16, "xvii": 17, "xviii": 18,
    "xix": 19, "xx": 20,
}  # fmt: skip


def names_street(text: str) -> bool:
    """Whether a street is written: its type before a name, or soon after a house number.

    A postcode and a commune are none, even the commune of Rue (80).
    """
    words = re.findall(r"\w+", fold(text))
    types = [n for n, word in enumerate(words) if word in STREET_TYPES]
    named = any(words[n + 1].isalpha() for n in types if n + 1 < len(words))
    numbered = any(
        re.fullmatch(r"\d{1,4}[a-d]?", word) for n in types for word in words[max(n - 3, 0) : n]
    )
    return named or numbered
