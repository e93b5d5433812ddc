"""Whether a title names a person: a form of address, or a common first name beside one other word.

The first names are among the most given in France in the 20th century (INSEE, "Fichier des
prénoms"). A wrong guess costs a moderator a look, and none is told to be one: "may name".
"""

import re
from collections.abc import Sequence

from mapservice.imports.text import words_of

# "Docteur" and "Maître" are in the names of too many streets.
ADDRESSED = re.compile(
    r"(?<![\w'’-])(?:M\.|MM\.|Mr\.?|Mme\.?|Mmes|Mlle\.?|Madame|Monsieur|Mademoiselle)\s+"
    r"(?:(?:et|de|du|des|Le|La|l['’]|d['’])\s*)*[A-ZÀÂÇÉÈÊËÎÏÔÙÛÜ][\w'’-]+"
)
# Of a street, a school or a square that bears a name.
NAMED_AFTER = re.compile(
    r"\b(?:rue|avenue|place|square|boulevard|allee|impasse|quai|pont|parc|jardin|ecole|college"
    r"|lycee|salle|espace|centre|maison|stade|gymnase|mediatheque|bibliotheque|residence)\b"
)
FIRST_NAMES = frozenset(
    re.findall(
        r"\w+",
        """
    adele adrien agathe agnes alain albert alexandra alexandre alexis alice aline amandine
    amelie anais andre andree ange angelique anne annick annie anthony antoine antoinette
    antonin apolline armelle arnaud arthur audrey aurelie aurelien aurore axel baptiste
    bastien beatrice benedicte benjamin benoit bernadette bernard bertrand brigitte bruno
    camille carine carole caroline catherine cecile cedric celestine celia celine chantal
    charlene charles charlotte chloe christelle christian christiane christine christophe
    claire clara claude claudette claudine clemence clement clementine clotilde colette coline
    corinne cyril damien daniel daniele danielle david davy delphine denis denise didier
    dominique dylan edith edouard eliane elisa elisabeth elise elodie eloise emilie emma
    emmanuel emmanuelle enzo eric erwan estelle esther etienne eugene eugenie eva eve evelyne
    fabien fabienne fabrice fanny fatima felix florence florent florian florine francine
    francis franck francois francoise frederic frederique gabriel gabrielle gael gaelle gaetan
    genevieve geoffrey georges georgette gerald gerard germaine ghislaine gilbert gilberte
    gilles ginette gisele guillaume gustave guy gwenaelle helene henri henriette herve
    hortense hubert hugo hugues ines irene isabelle jacqueline jacques janine jean jeanne
    jeannine jennifer jeremie jeremy jerome jessica joel joelle jonathan jose joseph josephine
    josette josiane josselin jules julia julie julien juliette justine karim karine kevin
    laetitia laura laure laurence laurent laurie lea leo leon leonie liliane lionel lisa loic
    lorenzo louis louise luc lucas lucette lucie lucien lucienne lucile ludovic lydie
    madeleine maelle maeva magali manon manuel marc marcel marcelle margaux margot marguerite
    marie marielle marina marine marion marjorie martial martine mathias mathieu mathilde
    matthieu maud maurice maxence maxime melanie melissa michel michele micheline mickael
    mireille mohamed monique morgan morgane mylene myriam nadege nadia nadine nathalie nathan
    nicolas nicole noel noelle noemie oceane odette odile olga olivia olivier ophelie pascal
    pascale patrice patricia patrick paul paulette pauline philippe pierre pierrette quentin
    rachel rachid raphael raymond raymonde regine regis remi remy rene renee richard robert
    roger roland romain romane rosalie rose roseline roxane sabine sabrina salome samuel
    sandra sandrine sarah sebastien serge severine simon simone solange solene sonia sophie
    stephane stephanie steven suzanne suzie sylvain sylvaine sylvette sylvia sylvie tanguy
    tatiana theo theodore theophile therese thibault thibaut thierry thomas timothee tiphaine
    tony tristan valentin valentine valerie vanessa veronique victor victoria vincent violette
    virginie vivian viviane xavier yann yannick yasmine yoann yohan yolande yvan yves yvette
    yvonne zoe
    """,
    )
)
PARTICLES = frozenset({"le", "la", "du", "de", "des", "el", "ben", "van", "von", "di", "da", "dos"})
# Beside these a first name is that of something: a saint, a farm, a group.
OF_SOMETHING = frozenset(
    [
        *("saint", "sainte", "st", "ste", "san", "notre", "dame", "chez", "gaec", "earl", "scea"),
        *("association", "asso", "ferme", "cafe", "epicerie", "atelier", "ateliers", "collectif"),
        *("club", "compagnie", "festival", "boulangerie", "librairie", "garage", "restaurant"),
    ]
)


def names_somebody(title: str, persons: Sequence[str] = ()) -> bool:
    """By a form of address, or as other cells of the row do (`persons`)."""
    words = set(words_of(title).split())
    for person in persons:
        names = set(words_of(person).split())
        if len(names) > 1 and names <= words:
            return True
    return bool(ADDRESSED.search(title)) and not NAMED_AFTER.search(words_of(title))


def may_name_somebody(title: str) -> bool:
    """ "Pasquier Marion", "Marion PASQUIER": two capitalised words, one of them a first name.

    A name may have a particle before it: "Le Goff Yves".
    """
    words, written = words_of(title).split(), title.split()
    if len(words) == len(written) == 3:
        kept = [n for n in range(3) if words[n] not in PARTICLES]
        words, written = [words[n] for n in kept], [written[n] for n in kept]
        title = " ".join(written)
    return (
        len(words) == len(written) == 2
        and all(word[:1].isupper() for word in written)
        and not (title.isupper() and words[1] in FIRST_NAMES)
        and OF_SOMETHING.isdisjoint(words)
        and PARTICLES.isdisjoint(words)
        and not NAMED_AFTER.search(" ".join(words))
        and not FIRST_NAMES.isdisjoint(words)
    )
