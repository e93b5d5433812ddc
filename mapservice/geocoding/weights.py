"""Every weight, threshold and margin of the geocoder, each with where it comes from.

Three origins, named in each paragraph:

trial cases   set by hand on half of the 2,715 addresses of `cases.csv` whose right commune is known
              (by hash of their id; `docs/geocoding.md`, "Measured"). The other half was counted
              only, until its misses were read too: no case is held out any more.
measured      set on other data, which the paragraph names.
judgement     set by reasoning and by the examples in the tests; nothing was counted.

Likeness, roles and evidence are shares of 1. Populations are inhabitants, distances kilometres.
`tests/geocoding/test_accuracy.py` fails where a change here costs right answers.
"""

from mapservice.geocoding.model import MatchStatus, NameRole, PostcodeAgreement

# --- a name in the text: likeness times role -------------------------------------------------

# How far a name in this place is the town meant. Trial cases.
ROLE_WEIGHT = {
    NameRole.FIELD: 1.0,
    NameRole.AFTER_CODE: 1.0,
    NameRole.ALONE: 1.0,
    NameRole.BEFORE_CODE: 0.85,
    NameRole.SITE: 0.9,
    NameRole.END: 0.9,
    NameRole.EARLIER: 0.75,
    NameRole.START: 0.75,
    NameRole.TAIL: 0.45,
    NameRole.MIDDLE: 0.5,
    NameRole.STREET: 0.3,
    NameRole.LOCALITY: 0.3,
    NameRole.FRAGMENT: 0.35,
}

# What lowers that weight. Trial cases: a name of everyday words ("Le Port") that is not all of its
# segment; one in the line of text beside a field for the city; one inside a longer name, which
# must itself weigh at least `LONGER_NAME_SHARE` of it; one that is rather the area's ("Jeugny,
# Aube"), where a town in that area is named before it with at least `TOWN_BEFORE_AREA`.
GENERIC_NAME = 0.4
BESIDE_CITY_FIELD = 0.6
INSIDE_LONGER_NAME = 0.35
LONGER_NAME_SHARE = 0.5
NAME_OF_AREA = 0.4
TOWN_BEFORE_AREA = 0.5

# An alias (commune déléguée, associée, former name) counts a little less than a commune's own
# name. Trial cases, `former_communes` among them.
ALIAS_QUALITY = 0.9

# Likeness of a name that is exact but for its article, or but for spaces; the latter is mostly
# chance in a street ("la Croix" is not Lacroix) and behind "l'". Trial cases.
WITHOUT_ARTICLE = 0.9
OTHER_SPACING = 0.95
DOUBTFUL_SPACING = 0.5

# Likeness of a name that the text only begins or ends, of one cut within a word, as fields of a
# fixed width do ("Saint-Martin-de-la-Por"), and the best for one that merely sounds the same.
# Trial cases.
BEGINNING_QUALITY = 0.9
CUT_QUALITY = 0.85
SAME_SOUND = 0.96

# Likeness below 1 counts as its power: 0.8 alike is 0.72 as good. Trial cases.
LIKENESS_EXPONENT = 1.5

# The role of an arrondissement whose city is named, and of one that is a guess among three cities.
# Judgement: `NameRole.END` and just below `NameRole.EARLIER`.
NUMBERED_ARRONDISSEMENT = 0.9
GUESSED_ARRONDISSEMENT = 0.7

# --- evidence for a commune ------------------------------------------------------------------

# A name in the best place weighs 0.6, a postcode half as much, all codes and areas together at
# most 0.4. Trial cases, from here to CONTEXT_SUPPORT.
NAME_WEIGHT = 0.6
SUPPORT_CAP = 0.4
POSTCODE_SUPPORT = {
    PostcodeAgreement.SOLE: 0.35,
    PostcodeAgreement.ONE_OF: 0.3,
    PostcodeAgreement.AREA: 0.2,
    PostcodeAgreement.NEARBY: 0.06,
    PostcodeAgreement.UNKNOWN: 0.0,
    PostcodeAgreement.AGAINST: -0.15,
}
# A misspelt name elsewhere is less than the one commune whose postcode was given: the names of
# its hamlets are not known here ("97418 La Plaine des Cafres").
MISSPELT_ELSEWHERE = -0.1
CITYCODE_SUPPORT = 0.4
CITYCODE_AGAINST = -0.3
DEPARTEMENT_SUPPORT = 0.25
DEPARTEMENT_AGAINST = -0.3
FORMER_DEPARTEMENT_SUPPORT = 0.22  # Seine-et-Oise was 78
WEAK_SUPPORT = 0.15  # a bare number at an end of the line
REGION_SUPPORT = 0.1
CONTEXT_SUPPORT = 0.3

# Likeness from which a name confirms that five digits are an INSEE code. Trial cases.
CONFIRMS_CODE = 0.85

# Brings a name in the best place (0.6 - 0.15) below the postcode of several communes (0.3).
# Measured on 379 former communes that the gazetteer did not know and whose name only a commune of
# another département bears: 96.6 % then give a commune of the postcode, 77 % did before.
ELSEWHERE_DOUBT = 0.16

# Words from which a name is too long to be a hamlet's by chance. Measured on 81 of these former
# communes: 4 had a name of more than two words.
UNMISTAKABLE_WORDS = 3

# --- the search for misspelt names -----------------------------------------------------------

# Likeness (1 less the share of letters to change) from which a name is looked at: among the names
# of the postcode, of the département, of France. The wider the pool, the likelier a chance hit.
# Trial cases.
POSTCODE_FLOOR = 0.6
DEPARTEMENT_FLOOR = 0.74
FRANCE_FLOOR = 0.8
SOUND_FLOOR = 0.6
# Share of letter triples (Dice's coefficient) below which a name of France is not even compared.
TRIGRAM_FLOOR = 0.2
# Asked on top where the place of the words does not say that they are a town's, up to a ceiling.
UNDECLARED_FLOOR = 0.1
UNDECLARED_CEILING = 0.9
# Asked of a name of the postcode when another commune bears the very name given. Trial cases.
RIVALLED_FLOOR = 0.86

# Values (likeness times role) at which the search ends: in the commune of a code; in the area that
# is hinted at, or that is named; among the names of the postcode; among those of the département.
# Trial cases.
SETTLED_BY_CODE = 0.8
SETTLED = 0.85
SETTLED_IN_NAMED_AREA = 0.7
FOUND_IN_POSTCODE = 0.6
FOUND_IN_DEPARTEMENT = 0.8
# The role of a name that must be one given on purpose. Trial cases.
DECLARED_WEIGHT = 0.9

# --- verdicts --------------------------------------------------------------------------------

# Inhabitants from which a town comes to mind before a village or an area of the same name, and
# from which a name at the end of an address is the town rather than the street. Judgement, with
# 1,700 made-up queries that no weight was set on: `certain` and `likely` were right in all.
NOTABLE_TOWN = 10_000
KNOWN_TOWN = 5_000
# A town so many times larger overshadows one whose name hers begins with. Judgement.
OVERSHADOWS = 10

# Evidence nearer than CLOSE to the best leaves the choice open; half of that where the name is
# misspelt. NEARLY (another article, a former commune of that name) forbids certainty.
# SECOND_TOWN_MARGIN: two towns in two places are as good as each other. SHARED_AREA: the answers
# whose common département or région a record tells. Trial cases.
CLOSE = 0.05
NEARLY = 0.08
SECOND_TOWN_MARGIN = 0.16
SHARED_AREA = 0.15

# Evidence below this is no answer. Trial cases.
FLOOR = 0.12

# Values (likeness times role) of a name. Trial cases: below WORTHY it says nothing even beside
# its postcode, below UNAIDED nothing by itself, below UNAIDED_LIKENESS nothing if misspelt among
# other names, or below SUPPORTED_LIKENESS where its area is given. MISSPELT and up a misspelt name
# is likely that commune; hamlets unknown to us lie below. SECOND_TOWN and EXACT_TOWN: another
# town is plainly named.
WORTHY = 0.38
UNAIDED = 0.55
UNAIDED_LIKENESS = 0.65
SUPPORTED_LIKENESS = 0.5
MISSPELT = 0.8
SECOND_TOWN = 0.7
EXACT_TOWN = 0.75

# Likeness of a misspelt name beside its own postcode: `certain`; the same if no other commune has
# that postcode, or beside its INSEE code; `likely`. Trial cases.
CERTAIN_LIKENESS = 0.9
CERTAIN_LIKENESS_SOLE = 0.8
LIKELY_LIKENESS = 0.7

# The score of an answer is its evidence, brought into the band of its status, so that scores
# compare across queries. A convention of this service.
SCORE_BANDS = {
    MatchStatus.CERTAIN: (0.9, 1.0),
    MatchStatus.LIKELY: (0.7, 0.9),
    MatchStatus.AMBIGUOUS: (0.35, 0.7),
    MatchStatus.NONE: (0.0, 0.0),
}

# --- words and a point -----------------------------------------------------------------------

# People name the nearest town: a point so near to the commune that a name alone tells does not
# contradict it. Further off, or where a postcode or INSEE code says the same as the name, one of
# the two must be wrong. Judgement, counted on `points.csv`: docs/geocoding.md, "Words and a point".
NEIGHBOURHOOD_KM = 5.0
# A name scored below was read within a street ("rue de Paris") or is merely like a commune's
# ("chez Paul"): too little to speak against a point. Judgement: half-way up the ambiguous band.
FAINT = 0.52
# Judgement, from what addok answers: right addresses get 0.85 and more, a similar street near by
# some 0.5 to 0.75.
PROVIDER_MIN_SCORE = 0.8
# Of 100, as rapidfuzz has it: names of EPCI that differ in a letter or two. Judgement.
EPCI_LIKENESS = 88.0

# --- suggestions -----------------------------------------------------------------------------

# Judgement, all of it: what people expect to see first as they type.
# The likeness of a name: what a beginning has at least; the share of the name that is typed; a
# whole name; a beginning inside a name; a code.
BEGUN_NAME = 0.5
TYPED_SHARE = 0.2
WHOLE_NAME = 0.2
BEGUN_INSIDE = 0.25
BEGUN_CODE = 0.5
# The score: likeness, then population (10 to the power of LARGEST_TOWN is some 2.5 million), less
# for an alias, more for a commune near the caller: half as much at NEAR_KM.
LIKENESS_SHARE = 0.7
POPULATION_SHARE = 0.2
LARGEST_TOWN = 6.4
ALIAS_RANK = 0.08
NEARNESS_SHARE = 0.25
NEAR_KM = 30.0
# Which rows of a long list are looked at, in powers of ten of population: an alias is sought less,
# a name from an inner word on still less, a commune near the caller more.
ALIAS_SOUGHT = 1.5
INNER_WORD_SOUGHT = 2.0
NEARNESS_SOUGHT = 3.0
