-- The views: what counts, waits or differs, told from the tables.
--
-- Made after the functions that they use. To make one anew keeps whoever reads it out for a moment, so they are run
-- when this file changed, or when the views of the database are not those it made.

CREATE OR REPLACE VIEW rollup_delta_level AS
SELECT place.level, delta.status, delta.theme, delta.month, place.code, delta.initiatives, delta.supporters,
       delta.told, delta.local, delta.groups, delta.events
  FROM rollup_delta AS delta
 CROSS JOIN LATERAL (VALUES ('country', 'FR'), ('region', delta.region), ('departement', delta.departement),
                            ('epci', delta.epci), ('commune', delta.commune)) AS place (level, code)
 WHERE place.code IS NOT NULL;
COMMENT ON VIEW rollup_delta_level IS
    'Changes not folded in yet, at each level of territory: the shape of rollup at its finest grain.';

CREATE OR REPLACE VIEW rollup_series_due AS
SELECT level, theme, status, code,
       string_agg(int4send(rollup_month_number(month)), '' ORDER BY month) AS months,
       string_agg(int4send(initiatives), '' ORDER BY month) AS initiatives,
       string_agg(int8send(supporters), '' ORDER BY month) AS supporters,
       string_agg(int4send(told), '' ORDER BY month) AS told,
       string_agg(int4send(local), '' ORDER BY month) AS local
  FROM rollup
 WHERE month > '-infinity' AND month < 'infinity' AND initiatives <> 0
 GROUP BY level, theme, status, code;
COMMENT ON VIEW rollup_series_due IS
    'What rollup_series is to hold, made from rollup. Big-endian integers side by side, in the order of '
    'months.';

-- The packed columns say the same, for queries about thousands of territories at once: about eight times
-- fewer rows to read. This view takes them to pieces.
CREATE OR REPLACE VIEW rollup_series_month AS
SELECT level, theme, status, code,
       make_date(number / 12, number % 12 + 1, 1) AS month,
       ('x' || encode(substring(initiatives FROM 4 * place + 1 FOR 4), 'hex'))::bit(32)::integer AS initiatives,
       ('x' || encode(substring(supporters FROM 8 * place + 1 FOR 8), 'hex'))::bit(64)::bigint AS supporters,
       ('x' || encode(substring(told FROM 4 * place + 1 FOR 4), 'hex'))::bit(32)::integer AS told,
       ('x' || encode(substring(local FROM 4 * place + 1 FOR 4), 'hex'))::bit(32)::integer AS local
  FROM rollup_series
 CROSS JOIN LATERAL generate_series(0, length(months) / 4 - 1) AS place
 CROSS JOIN LATERAL (
       SELECT ('x' || encode(substring(months FROM 4 * place + 1 FOR 4), 'hex'))::bit(32)::integer AS number) AS counted;
COMMENT ON VIEW rollup_series_month IS
    'rollup_series for people and other tools (psql, QGIS): a row for each territory, theme, status and '
    'month that counts something. Changes not folded in yet (rollup_delta) are not in it.';

-- Of several supports of one person: one that tells a commune, and that of the initiative itself first.
CREATE OR REPLACE VIEW support_once AS
SELECT initiative, commune
  FROM support
 WHERE withdrawn_at IS NULL AND held_at IS NULL
   AND NOT EXISTS (SELECT FROM merge_line WHERE ancestor = support.initiative)
 UNION ALL
SELECT initiative, commune
  FROM (SELECT DISTINCT ON (line.ancestor, person) line.ancestor AS initiative, commune
          FROM merge_line AS line
          JOIN support ON support.initiative = line.member
         WHERE withdrawn_at IS NULL AND held_at IS NULL
         ORDER BY line.ancestor, person, commune IS NULL, line.member <> line.ancestor,
                  confirmed_at DESC, id) AS once;
COMMENT ON VIEW support_once IS
    'Supports that count, each person once for each initiative: those of what is merged into it are its '
    'own.';

CREATE OR REPLACE VIEW support_local AS
SELECT given.initiative, sum(given.supports)::integer AS told,
       coalesce(sum(given.supports) FILTER (WHERE EXISTS (
           SELECT FROM communes_around(initiative.commune, initiative.epci, initiative.departement,
                                       initiative.region) AS around
            WHERE around.code = given.commune)), 0)::integer AS local
  FROM (SELECT initiative, commune, count(*) AS supports
          FROM support_once
         WHERE commune IS NOT NULL
         GROUP BY initiative, commune) AS given
  JOIN initiative ON initiative.id = given.initiative
 WHERE initiative.precision NOT IN ('national', 'none')
 GROUP BY given.initiative;
COMMENT ON VIEW support_local IS
    'Of each initiative with a place: how many of its supports told a commune, and how many of these are '
    'local (communes_around). Initiatives of which no supporter told a commune are not here.';

-- Initiatives whose count is not that of their supports: none, unless somebody wrote past the triggers.
CREATE OR REPLACE VIEW support_difference AS
SELECT id AS initiative, coalesce(supporters, 0) AS supporters, coalesce(counted, 0) AS counted,
       coalesce(told_here, 0) AS told_here, coalesce(told, 0) AS told,
       coalesce(local_here, 0) AS local_here, coalesce(local, 0) AS local
  FROM (SELECT id, supporters, told_here, local_here FROM initiative
         WHERE supporters > 0 OR told_here > 0) AS kept
  FULL JOIN (SELECT initiative AS id, count(*) AS counted FROM support_once GROUP BY initiative)
            AS recounted USING (id)
  LEFT JOIN (SELECT initiative AS id, told, local FROM support_local) AS around USING (id)
 WHERE (coalesce(supporters, 0), coalesce(told_here, 0), coalesce(local_here, 0))
       <> (coalesce(counted, 0), coalesce(told, 0), coalesce(local, 0));
COMMENT ON VIEW support_difference IS
    'Initiatives whose kept counts are not those of their supports: none, unless somebody wrote past the '
    'triggers.';

-- Whatever is pending waits: what has a proposal since that was queued, what was imported since it is
-- here with that status. What is merged waits for nothing until it is parted.
CREATE OR REPLACE VIEW waiting_now AS
SELECT CASE WHEN is_public(initiative.status) THEN 'edit'
            WHEN initiative.status = 'rejected' THEN 'appeal' ELSE 'proposal' END AS kind,
       initiative.id, initiative.id AS initiative, proposal.queued_at AS since
  FROM proposal JOIN initiative ON initiative.id = proposal.initiative
 WHERE proposal.queued_at IS NOT NULL AND initiative.status <> 'merged'
 UNION ALL
SELECT 'proposal', initiative.id, initiative.id, initiative.state_since
  FROM initiative
 WHERE initiative.status = 'pending'
   AND NOT EXISTS (SELECT FROM proposal WHERE proposal.initiative = initiative.id)
 UNION ALL
SELECT 'report', report.id, report.initiative, report.created_at
  FROM report JOIN initiative ON initiative.id = report.initiative
 WHERE report.state = 'open' AND initiative.status <> 'merged'
 UNION ALL
SELECT 'place', initiative.id, initiative.id, record.matched_at
  FROM location_match AS record JOIN initiative ON initiative.id = record.initiative
 WHERE record.review = 'waiting' AND initiative.status <> 'merged'
 UNION ALL
SELECT 'post', post.id, post.initiative, post.queued_at
  FROM post JOIN initiative ON initiative.id = post.initiative
 WHERE post.queued_at IS NOT NULL AND initiative.status <> 'merged';
COMMENT ON VIEW waiting_now IS
    'All that waits for moderators, save bursts, as the tables say it: what waiting holds is made from '
    'it.';

-- Of an event the day is its own, unless the need says another: who tidies up comes the day after.
CREATE OR REPLACE VIEW need_owner AS
SELECT need.id AS need, 'initiative' AS kind, initiative.id AS owner, initiative.title, initiative.theme,
       to_tsvector('french_unaccent', need.words || ' ' || initiative.title) AS search, initiative.precision,
       initiative.commune, initiative.epci, initiative.departement, initiative.region,
       initiative.anchor, initiative.anchor_3857, need.day,
       is_public(initiative.status) AS is_public, initiative.status = 'published' AS is_open
  FROM need
  JOIN initiative ON initiative.id = need.initiative
 UNION ALL
SELECT need.id, 'group', local_group.id, local_group.name, local_group.theme,
       to_tsvector('french_unaccent', need.words || ' ' || local_group.name), local_group.precision,
       local_group.commune, local_group.epci, local_group.departement, local_group.region,
       local_group.anchor, local_group.anchor_3857, need.day,
       local_group.status IN ('published', 'archived'), local_group.status = 'published'
  FROM need
  JOIN local_group ON local_group.id = need.local_group
 UNION ALL
SELECT need.id, 'event', event.id, event.title, event.theme,
       to_tsvector('french_unaccent', need.words || ' ' || event.title), event.precision,
       event.commune, event.epci, event.departement, event.region,
       event.anchor, event.anchor_3857, coalesce(need.day, CAST(event.starts_local AS date)),
       event.status IN ('published', 'moved', 'postponed', 'cancelled', 'done'),
       event.status IN ('published', 'moved') AND (event.ends_at > now() OR need.day IS NOT NULL)
  FROM need
  JOIN event ON event.id = need.event;
COMMENT ON VIEW need_owner IS
    'Who asks for what a need says, where that is, on which day it counts, and whether anybody may see it or come.';
