"""Plausible load in French: initiatives spread by population, the same for the same seed.

Nothing here touches the database: the caller gives the communes and writes the rows.
Every text is put together from fragments that fit each other grammatically, so that search,
sorting and page layout meet real words and real lengths.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, product
from math import cos, pi, radians, sin
from random import Random
from typing import TypeVar

from mapservice.errors import InvalidInput
from mapservice.initiatives.model import Scale, Status, Theme

# Three whole years, so that every month and every season weighs the same number of times.
FIRST_DAY = datetime(2023, 11, 1, tzinfo=UTC)
DAYS = 1096
# People propose in September and March, and rest in August: weight of a day by month.
SEASON = (11, 10, 12, 11, 10, 8, 5, 4, 13, 12, 10, 7)
# Proposals are written between 7:00 and 22:00 UTC.
MORNING, WAKING_SECONDS = 25_200, 54_000

POINT_SHARE = 0.6
# Pareto-like tail: half of all initiatives have 0 or 1 supporter, one in a thousand has hundreds.
SUPPORT_SCALE, SUPPORT_EXPONENT, SUPPORT_CAP = 1.2, -0.85, 5_000
METRES_PER_DEGREE = 111_320.0

# A source of uniform numbers in [0, 1).
Roll = Callable[[], float]


@dataclass(frozen=True, slots=True)
class CommuneWeight:
    """A commune as the spread needs it.

    `lon`, `lat` (EPSG:4326) are a point inside the commune; a circle of `radius` metres around
    it bounds the points made up there, so it should lie within the outline.
    """

    code: str
    population: int
    lon: float
    lat: float
    radius: float


@dataclass(frozen=True, slots=True)
class GeneratedInitiative:
    """One made-up initiative; `lon`, `lat` (EPSG:4326) are None when only the commune is known."""

    title: str
    summary: str
    description: str
    theme: Theme
    scale: Scale
    status: Status
    created_at: datetime
    source_supporters: int
    commune: str
    lon: float | None
    lat: float | None


@dataclass(frozen=True, slots=True)
class Fragments:
    """What one theme says: title heads, goals as infinitives, and opening paragraphs."""

    heads: tuple[str, ...]
    goals: tuple[str, ...]
    openings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrases:
    """The fragments of one theme, multiplied out once so that a row only has to pick."""

    theme: Theme
    titles: tuple[str, ...]
    summaries: tuple[str, ...]
    openings: tuple[str, ...]


class LoadDice(Random):
    """The seeded source of a load: reproducible on purpose, never used for anything secret."""


# Adverbial on purpose: they agree with any head, whatever its gender and number.
PLACES = (
    "au pied des immeubles", "sur la place du marché", "derrière la mairie", "près de la gare",
    "à la sortie de l’école", "dans les hameaux", "au cœur du bourg", "autour du stade",
    "à la maison de quartier", "entre voisins", "le samedi matin", "un soir par mois",
    "pour tous les âges", "à prix libre", "avec les écoles", "pendant les vacances",
    "dans l’ancienne poste", "le long du canal", "sous la halle", "chez l’habitant",
    "du quartier nord", "de la rue haute", "sur le parvis", "à deux pas du lavoir",
)  # fmt: skip
STAGES = (
    "", "", "", " : première saison", " : deuxième saison", " : appel à volontaires",
    " : on recommence", " : le projet", " : ouvert à tous", " : étape suivante",
)  # fmt: skip
MEANS = (
    "avec les habitants du quartier", "grâce à une équipe de bénévoles",
    "en s’appuyant sur les écoles voisines", "avec l’aide des commerçants",
    "sans dépenser plus que nécessaire", "à partir de matériel récupéré",
    "en commençant par une rue", "avec les anciens et les nouveaux venus",
    "pendant une année d’essai", "et en publier les résultats",
    "à raison d’un rendez-vous par mois", "en lien avec la commune",
)  # fmt: skip
NEEDS = (
    "Nous cherchons un local.", "Il manque quelques bras.", "Premier rendez-vous bientôt.",
    "Toutes les bonnes volontés comptent.", "Réunion ouverte le premier mardi du mois.",
    "Le budget tient sur une page.", "Déjà une vingtaine de personnes.",
    "On commence petit.", "Inscription libre.", "Le matériel est prêté.",
)  # fmt: skip
WORKINGS = (
    "Le groupe se retrouve le premier samedi du mois, à 10 h, et décide à la majorité.",
    "Trois personnes coordonnent, les autres viennent quand elles peuvent.",
    "La commune prête une salle ; l’assurance est prise en commun.",
    "Les comptes sont affichés, les décisions aussi. Chacun peut les discuter.",
    "Un essai de six mois est prévu, avec un bilan public à la fin.",
    "Chaque participant s’engage pour une heure par semaine, pas davantage.",
    "Une permanence a lieu le mercredi de 16 h à 18 h, sans rendez-vous.",
    "Le projet avance par petites étapes, pour ne rien promettre de trop.",
    "Les voisins ont été consultés porte à porte : quatre sur cinq sont favorables.",
    "Une convention d’un an a été signée avec le propriétaire du terrain.",
)
CLOSINGS = (
    "Pour participer :\n\n- venir à une réunion\n- proposer un créneau\n- en parler autour de soi",
    "Il nous manque encore :\n\n- un lieu de stockage\n- quelques outils\n- deux référents",
    "Les prochaines étapes :\n\n1. réunir le groupe\n2. chiffrer\n3. essayer\n4. faire le bilan",
    "Les débutants sont les bienvenus : on apprend en faisant.",
    "Une version écrite du projet est à disposition à l’accueil de la mairie.",
    "Les enfants sont bienvenus, accompagnés d’un adulte.",
    "L’an dernier, une trentaine de personnes ont déjà pris part aux préparatifs.",
    "**Accès :** le lieu est de plain-pied et desservi par le bus.",
    "",
    "",
)

FRAGMENTS: dict[Theme, Fragments] = {
    Theme.ENVIRONNEMENT: Fragments(
        heads=(
            "Compost partagé", "Plantation de haies", "Mares et fossés",
            "Nichoirs et hôtels à insectes", "Ramassage de déchets", "Cour sans bitume",
            "Relevés d’oiseaux", "Récupérateurs d’eau de pluie", "Îlot de fraîcheur",
            "Nuits sans éclairage",
        ),
        goals=(
            "Rendre un peu de place à la nature", "Planter des essences locales",
            "Réduire le volume des poubelles", "Rafraîchir les rues en été",
            "Compter les espèces pour mieux les protéger", "Remettre en état un coin délaissé",
            "Économiser l’eau du robinet",
        ),
        openings=(
            "Chaque été, le thermomètre monte et l’ombre manque. Agissons ici, à notre échelle.",
            "Les papillons se font rares : les talus sont tondus trop tôt. Essayons autrement.",
            "L’eau ruisselle au lieu de s’infiltrer. Quelques mètres carrés de terre aident déjà.",
            "Tout est parti d’un tas de feuilles mortes promis à la décharge.",
        ),
    ),
    Theme.ALIMENTATION: Fragments(
        heads=(
            "Potager partagé", "Épicerie coopérative", "Marché de producteurs", "Four à pain",
            "Verger en libre cueillette", "Paniers de légumes", "Ateliers de conserves",
            "Repas de rue", "Grainothèque", "Cantine ouverte",
        ),
        goals=(
            "Manger mieux sans payer plus", "Rapprocher les fermes et les cuisines",
            "Sauver les fruits qui se perdent", "Apprendre à cultiver et à conserver",
            "Cuisiner ensemble des produits de saison", "Donner un débouché aux petites fermes",
            "Transmettre des recettes d’ici et d’ailleurs",
        ),
        openings=(
            "Le dernier commerce a fermé, les fermes vendent loin : il manque un maillon.",
            "Des arbres croulent sous des fruits que personne ne ramasse, tout près des maisons.",
            "Nous avons tous un voisin qui cultive trop de courgettes et un autre qui n’en a pas.",
            "Cuisiner seul n’amuse personne. À douze, la soupe est meilleure et coûte moins cher.",
        ),
    ),
    Theme.MOBILITE: Fragments(
        heads=(
            "Atelier vélo", "Pédibus", "Covoiturage quotidien", "Rue aux enfants",
            "Prêt de vélos cargos", "Arrêts d’autostop", "Comptage des passages",
            "Traversées plus sûres", "Bancs et haltes", "Navette solidaire",
        ),
        goals=(
            "Aller à l’école à pied en sécurité", "Partager les trajets du quotidien",
            "Réparer son vélo soi-même", "Relier les villages sans voiture individuelle",
            "Mesurer la circulation pour en parler avec des chiffres",
            "Ralentir là où l’on traverse", "Permettre à chacun d’aller au marché",
        ),
        openings=(
            "Le matin, trente voitures se croisent devant l’école pour faire quatre cents mètres.",
            "Le bus ne passe plus après 19 h, mais presque toutes les voitures ont un siège vide.",
            "Bien des vélos dorment au fond d’un garage : il leur manque souvent un simple câble.",
            "Nous avons compté pendant une semaine, à la main. Les chiffres ont surpris.",
        ),
    ),
    Theme.HABITAT: Fragments(
        heads=(
            "Habitat participatif", "Chantiers d’isolation", "Colocation entre générations",
            "Logements vides à rouvrir", "Buanderie commune", "Visites de maisons rénovées",
            "Prêt d’outils de chantier", "Adaptation des logements",
            "Conseils entre copropriétés", "Matériaux de réemploi",
        ),
        goals=(
            "Rénover sans se ruiner", "Rouvrir des logements fermés depuis longtemps",
            "Vieillir chez soi, bien entouré", "Partager des pièces plutôt que les construire",
            "Comprendre ses factures de chauffage", "Loger ceux qui travaillent ici",
            "Redonner vie aux maisons du centre",
        ),
        openings=(
            "Des volets restent fermés toute l’année alors que des familles cherchent à se loger.",
            "L’hiver dernier, plusieurs foyers ont cessé de chauffer une pièce, parfois deux.",
            "Une chambre d’amis sert dix nuits par an. À plusieurs, elle en servirait deux cents.",
            "Les devis d’isolation se ressemblent peu. Les comparer à plusieurs évite des erreurs.",
        ),
    ),
    Theme.SOLIDARITE: Fragments(
        heads=(
            "Visites aux personnes isolées", "Vestiaire solidaire",
            "Accompagnement aux démarches", "Repas partagés", "Répit pour les aidants",
            "Café d’accueil", "Collecte de fournitures", "Cours de français",
            "Bricolage solidaire", "Transport vers les soins",
        ),
        goals=(
            "Rompre l’isolement", "Accueillir les nouveaux habitants",
            "Aider à remplir les papiers", "Soulager celles et ceux qui accompagnent un proche",
            "Partager un repas chaud", "Apprendre la langue du quotidien",
            "Réparer chez ceux qui ne le peuvent plus",
        ),
        openings=(
            "Certains voisins ne voient personne de la semaine, à part le facteur.",
            "Les guichets ferment, tout se remplit en ligne, et tout le monde n’y arrive pas.",
            "Une heure de présence suffit parfois à faire tenir une semaine.",
            "L’entraide existe déjà, de porte à porte. Nous voulons la rendre visible et durable.",
        ),
    ),
    Theme.EDUCATION: Fragments(
        heads=(
            "Aide aux devoirs", "Club de sciences", "Ateliers de lecture",
            "Initiation au numérique", "Chantier de jeunes", "Classe dehors",
            "Rencontres de métiers", "Jeux de société", "Apprentissage de la natation",
            "Échanges de savoirs",
        ),
        goals=(
            "Donner goût à la lecture", "Apprendre en plein air",
            "Découvrir des métiers mal connus", "Travailler au calme après la classe",
            "Comprendre les sciences par l’expérience", "Se servir d’un ordinateur sans crainte",
            "Faire se rencontrer les générations",
        ),
        openings=(
            "Après la classe, beaucoup d’enfants n’ont pas de table au calme pour travailler.",
            "On retient mieux ce que l’on a touché, démonté ou fait pousser.",
            "Ici, chacun sait quelque chose que son voisin aimerait apprendre.",
            "L’idée est venue des élèves. Les adultes se sont contentés de trouver la salle.",
        ),
    ),
    Theme.CULTURE: Fragments(
        heads=(
            "Cinéma en plein air", "Chorale ouverte", "Boîtes à livres", "Bal populaire",
            "Théâtre amateur", "Mémoire des habitants", "Exposition dans les vitrines",
            "Fanfare débutante", "Veillées de contes", "Visites racontées",
        ),
        goals=(
            "Faire vivre la place le soir", "Recueillir les souvenirs avant qu’ils ne se perdent",
            "Chanter sans savoir lire la musique", "Exposer les artistes d’à côté",
            "Redonner un bal au village", "Faire circuler les livres",
            "Monter sur scène pour la première fois",
        ),
        openings=(
            "La salle des fêtes n’ouvre plus que pour les lotos. Elle peut servir à bien plus.",
            "Il y a ici des musiciennes, des conteurs et des peintres qui ne se connaissent pas.",
            "Les plus anciens racontent des rues que nous ne savons plus reconnaître.",
            "Le spectacle le plus proche est à quarante minutes. Faisons-en un ici.",
        ),
    ),
    Theme.ECONOMIE: Fragments(
        heads=(
            "Atelier partagé", "Boutique à l’essai", "Café associatif", "Recyclerie",
            "Bureau partagé", "Groupement d’achats", "Café de réparation", "Monnaie locale",
            "Marché de créateurs", "Conciergerie de village",
        ),
        goals=(
            "Réparer plutôt que jeter", "Tester une activité sans s’endetter",
            "Rouvrir un commerce au centre", "Mettre en commun machines et savoir-faire",
            "Travailler près de chez soi", "Garder la valeur sur place",
            "Aider à transmettre une entreprise",
        ),
        openings=(
            "Trois vitrines sur dix sont vides. Un loyer progressif suffirait à en rouvrir une.",
            "Une machine qui sert deux heures par semaine peut servir à dix personnes.",
            "La déchèterie reçoit chaque jour des objets qui fonctionnent encore.",
            "Plusieurs artisans partent en retraite sans avoir trouvé à qui remettre leurs clés.",
        ),
    ),
    Theme.AUTRE: Fragments(
        heads=(
            "Fête de quartier", "Budget participatif", "Journal mural",
            "Accueil des nouveaux venus", "Entraide en cas de crue", "Pension pour animaux",
            "Sport pour tous", "Boîte à idées", "Carte des services", "Jumelage entre rues",
        ),
        goals=(
            "Mieux se connaître", "Décider ensemble d’une dépense commune",
            "Se prévenir en cas d’alerte", "Bouger à tout âge",
            "Donner des nouvelles du quartier", "Faire entendre ceux qui ne viennent jamais",
            "Rendre service sans compter",
        ),
        openings=(
            "On se croise depuis des années sans connaître les prénoms. C’est le moment.",
            "Les réunions publiques attirent toujours les mêmes. Nous irons chez les autres.",
            "La dernière alerte a montré que l’information circulait mal d’une rue à l’autre.",
            "L’idée est simple, et c’est pour cela qu’elle a une chance de durer.",
        ),
    ),
}  # fmt: skip


def _phrases(theme: Theme, said: Fragments) -> Phrases:
    titles = tuple("{} {}{}".format(*parts) for parts in product(said.heads, PLACES, STAGES))
    summaries = tuple("{}, {}.".format(*parts) for parts in product(said.goals, MEANS))
    return Phrases(theme, titles, summaries, said.openings)


PHRASES = {theme: _phrases(theme, said) for theme, said in FRAGMENTS.items()}


Drawn = TypeVar("Drawn")


def _repeated(weights: Mapping[Drawn, int]) -> tuple[Drawn, ...]:
    """Each key as often as its weight says: a uniform index into this is a weighted choice."""
    return tuple(key for key, weight in weights.items() for _ in range(weight))


THEMES = _repeated({
    Theme.ENVIRONNEMENT: 18, Theme.ALIMENTATION: 14, Theme.MOBILITE: 13, Theme.HABITAT: 8,
    Theme.SOLIDARITE: 16, Theme.EDUCATION: 10, Theme.CULTURE: 10, Theme.ECONOMIE: 7,
    Theme.AUTRE: 4,
})  # fmt: skip
SCALES = _repeated({
    Scale.COMMUNE: 80, Scale.EPCI: 11, Scale.DEPARTEMENT: 5, Scale.REGION: 3, Scale.NATIONAL: 1,
})  # fmt: skip
STATUSES = _repeated({
    Status.PUBLISHED: 80, Status.DONE: 12, Status.ARCHIVED: 5, Status.PENDING: 3,
})  # fmt: skip
DAYS_BY_SEASON = _repeated({
    day: SEASON[day.month - 1]
    for day in (FIRST_DAY + timedelta(days=number) for number in range(DAYS))
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spread:
    """Communes with their running total of population, ready for weighted draws."""

    communes: tuple[CommuneWeight, ...]
    totals: tuple[int, ...]

    def draw(self, roll: float) -> CommuneWeight:
        """The commune of the inhabitant that `roll`, in [0, 1), points at."""
        return self.communes[bisect_right(self.totals, int(roll * self.totals[-1]))]


def generate(
    count: int, seed: int, communes: Sequence[CommuneWeight]
) -> Iterator[GeneratedInitiative]:
    """Yield `count` initiatives; the same seed and communes give the same rows.

    A shorter run is a prefix of a longer one. Raises InvalidInput for a negative count, or when
    nobody lives in any of the communes.
    """
    if count < 0:
        raise InvalidInput("count", "must not be negative")
    totals = tuple(accumulate(commune.population for commune in communes))
    if not totals or totals[-1] <= 0:
        raise InvalidInput("communes", "no inhabitants to spread initiatives over")
    spread = Spread(tuple(communes), totals)
    dice = LoadDice(seed)
    return (_initiative(dice.random, spread) for _ in range(count))


def _initiative(roll: Roll, spread: Spread) -> GeneratedInitiative:
    """One row; the order of the rolls is part of what a seed means, so keep it."""
    commune = spread.draw(roll())
    phrases = PHRASES[_pick(THEMES, roll())]
    status = _pick(STATUSES, roll())
    lon, lat = _point(commune, roll) if roll() < POINT_SHARE else (None, None)
    return GeneratedInitiative(
        title=_pick(phrases.titles, roll()),
        summary=f"{_pick(phrases.summaries, roll())} {_pick(NEEDS, roll())}",
        description=_description(phrases, roll),
        theme=phrases.theme,
        scale=_pick(SCALES, roll()),
        status=status,
        created_at=_moment(roll),
        source_supporters=0 if status is Status.PENDING else _supporters(roll()),
        commune=commune.code,
        lon=lon,
        lat=lat,
    )


def _pick(options: Sequence[Drawn], roll: float) -> Drawn:
    return options[int(roll * len(options))]


def _description(phrases: Phrases, roll: Roll) -> str:
    """Two or three Markdown blocks."""
    opening, working = _pick(phrases.openings, roll()), _pick(WORKINGS, roll())
    closing = _pick(CLOSINGS, roll())
    return f"{opening}\n\n{working}\n\n{closing}" if closing else f"{opening}\n\n{working}"


def _moment(roll: Roll) -> datetime:
    return _pick(DAYS_BY_SEASON, roll()) + timedelta(seconds=MORNING + int(roll() * WAKING_SECONDS))


def _supporters(roll: float) -> int:
    """A long tail: `roll` is uniform in [0, 1); 1 - roll avoids raising 0 to a negative power."""
    drawn = int(SUPPORT_SCALE * ((1.0 - roll) ** SUPPORT_EXPONENT - 1.0))
    return min(drawn, SUPPORT_CAP)


def _point(commune: CommuneWeight, roll: Roll) -> tuple[float, float]:
    """A point in the commune's circle, denser towards its centre; six decimals, about 0.1 m."""
    distance = commune.radius * roll() / METRES_PER_DEGREE
    angle = 2.0 * pi * roll()
    lon = commune.lon + distance * cos(angle) / cos(radians(commune.lat))
    return round(lon, 6), round(commune.lat + distance * sin(angle), 6)
