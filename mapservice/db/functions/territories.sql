-- Communes, EPCI, départements and régions: what is derived from the set that is loaded.

-- Who is local, said once: the kept shares (`support_local`) and the assessment of bursts both ask here.
-- Its body is parsed and it pins no search_path, so that it is written into the query that asks
-- (inlined), and a condition on `code` reaches the indexes of both tables.
CREATE OR REPLACE FUNCTION communes_around(near_commune text, near_epci text, near_departement text, near_region text)
    RETURNS TABLE (code text, population integer)
    LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT known.code, known.population
      FROM (SELECT current.code, current.code AS commune, current.population
              FROM territory AS current WHERE current.level = 'commune'
             UNION ALL
            SELECT alias.code, alias.commune, NULL FROM territory_alias AS alias) AS known
      JOIN territory AS home ON home.level = 'commune' AND home.code = known.commune
     WHERE CASE WHEN near_epci IS NOT NULL THEN home.epci = near_epci
                WHEN near_commune IS NOT NULL THEN home.code = near_commune
                WHEN near_departement IS NOT NULL THEN home.departement = near_departement
                ELSE home.region = near_region END;
END;
COMMENT ON FUNCTION communes_around IS
    'The communes whose inhabitants are local to a place, given by its columns commune, epci, departement '
    'and region as initiative has them: those of its EPCI; without an EPCI its commune; else those of its '
    'département, else of its région. One row for each current commune with its population (null: '
    'unknown), and one, without population, for each former, associated or delegated commune and '
    'arrondissement of these. No row for a place that is all of France, or unknown.';

CREATE OR REPLACE FUNCTION territory_parts_refresh() RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION territory_parts_refresh IS
    'Makes epci_part and epci_part_outline anew from the communes in force. Called by each load of '
    'territories.';

CREATE OR REPLACE FUNCTION territory_renamed() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    IF NEW.level = 'commune' THEN
        UPDATE initiative SET changed_at = clock_timestamp() WHERE commune = NEW.code;
    ELSE
        UPDATE initiative SET changed_at = clock_timestamp() WHERE region = NEW.code;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION territory_renamed IS
    'Dates the initiatives of a renamed commune or région as changed (changed_at), as their published '
    'properties show its name. Nobody edited them: updated_at stays.';
