"""What may be wrong with the territories in force, asked in SQL."""

from sqlalchemy import Connection, text


def check(connection: Connection) -> list[str]:
    """One line of plain words for each thing that is wrong; empty when all is well."""
    return [row[0] for question in CHECKS for row in connection.execute(text(question))]


# Each question returns one line of text for each thing that is wrong.
CHECKS = (
    """
    SELECT format('%s %s has an invalid outline: %s', level, code, ST_IsValidReason(outline))
      FROM territory WHERE NOT ST_IsValid(outline)""",
    """
    SELECT format('%s %s has its label point outside its outline', level, code)
      FROM territory WHERE NOT ST_Intersects(outline, point)""",
    """
    SELECT format('commune %s lacks its %s', commune.code, parent.level)
      FROM territory AS commune
     CROSS JOIN LATERAL (VALUES ('epci', commune.epci), ('departement', commune.departement),
                                ('region', commune.region)) AS parent (level, code)
     WHERE commune.level = 'commune' AND parent.code IS NOT NULL
       AND NOT EXISTS (SELECT FROM territory
                        WHERE territory.level = parent.level AND territory.code = parent.code)""",
    """
    SELECT format('commune %s names no %s', code,
                  CASE WHEN departement IS NULL THEN 'departement' ELSE 'region' END)
      FROM territory WHERE level = 'commune' AND (departement IS NULL OR region IS NULL)""",
    """
    SELECT format('%s %s has no simplified outline at zoom %s', level, code, zoom)
      FROM territory CROSS JOIN unnest(ARRAY[4, 6, 8, 10]) AS zoom
     WHERE NOT EXISTS (SELECT FROM territory_outline AS drawn
                        WHERE drawn.level = territory.level AND drawn.code = territory.code
                          AND drawn.zoom = zoom.zoom AND NOT ST_IsEmpty(drawn.geom))""",
    """
    SELECT format('communes %s and %s overlap by %s km²',
                  one.code, other.code, round(shared.km2::numeric, 3))
      FROM territory AS one
      JOIN territory AS other
        ON other.level = 'commune' AND other.code > one.code AND other.outline && one.outline
       AND ST_Intersects(other.outline, one.outline)
       AND NOT ST_Touches(other.outline, one.outline)
     CROSS JOIN LATERAL (
           SELECT ST_Area(ST_Intersection(one.outline, other.outline)::geography) / 1e6 AS km2
           ) AS shared
     WHERE one.level = 'commune' AND shared.km2 > 0.05""",
    """
    SELECT format('a gap of %s km² lies at %s', round((ST_Area(hole::geography) / 1e6)::numeric, 2),
                  ST_AsText(ST_PointOnSurface(hole), 4))
      FROM (SELECT ST_MakePolygon(ST_InteriorRingN(part.geom, ring)) AS hole
              FROM (SELECT ST_Union(outline) AS land
                      FROM territory WHERE level = 'region' AND code >= '11') AS mainland
             CROSS JOIN LATERAL ST_Dump(mainland.land) AS part
             CROSS JOIN LATERAL generate_series(1, ST_NumInteriorRings(part.geom)) AS ring) AS holes
     WHERE ST_Area(hole::geography) > 300000
       -- Llívia, a Spanish enclave in the Pyrénées-Orientales, is no gap.
       AND NOT ST_Intersects(hole, ST_SetSRID(ST_MakePoint(1.98, 42.465), 4326))""",
)
