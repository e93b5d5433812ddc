-- Territories of one year of the code officiel géographique (COG). Codes: INSEE for communes, départements and
-- régions, SIREN for EPCI.

COMMENT ON TABLE territory IS
    'Official territories in force: communes, EPCI, départements and régions of one year of the COG.';
COMMENT ON COLUMN territory.level IS 'commune, epci, departement or region.';
COMMENT ON COLUMN territory.code IS 'INSEE code; of an EPCI its SIREN. Unique within its level.';
COMMENT ON COLUMN territory.name IS 'Official name; that of a commune with its article.';
COMMENT ON COLUMN territory.article IS
    'The article alone ("La", "L''"), for phrases; empty where there is none, or none is known.';
COMMENT ON COLUMN territory.population IS 'Municipal population, in inhabitants; null where no source tells it.';
COMMENT ON COLUMN territory.postcodes IS 'Postal codes of a commune; empty for other levels.';
COMMENT ON COLUMN territory.epci IS
    'SIREN of the EPCI that a commune belongs to; null for a commune of none, and for other levels.';
COMMENT ON COLUMN territory.departement IS
    'INSEE code of the département: of a commune, or of an EPCI that lies in one; null for an EPCI that '
    'straddles, for départements and régions.';
COMMENT ON COLUMN territory.region IS
    'INSEE code of the région: of a commune, a département, or an EPCI that lies in one; null for an EPCI that '
    'straddles, and for régions.';
COMMENT ON COLUMN territory.point IS
    'Label point, longitude and latitude (EPSG:4326): the town hall if it lies inside the outline, else an inner '
    'point.';
COMMENT ON COLUMN territory.outline IS 'Outline in full, longitude and latitude (EPSG:4326).';
COMMENT ON COLUMN territory.outline_3857 IS 'The same outline in web mercator (EPSG:3857, metres).';
COMMENT ON COLUMN territory.approximate IS
    'Whether some of the outline is not the source''s but was rebuilt from neighbours; of wider territories: that '
    'of any of their communes.';
COMMENT ON COLUMN territory.cog_year IS 'Year of the COG that the territory belongs to.';
COMMENT ON COLUMN territory.population_year IS
    'Year that the population is of; null where it is unknown, or the sum of several years.';

COMMENT ON TABLE territory_outline IS
    'Outlines simplified as a coverage: neighbours share borders. One row for each territory and kept zoom.';
COMMENT ON COLUMN territory_outline.level IS 'As in territory.';
COMMENT ON COLUMN territory_outline.code IS 'As in territory.';
COMMENT ON COLUMN territory_outline.zoom IS
    '4, 6, 8 or 10: for maps up to this zoom that no smaller one of these serves.';
COMMENT ON COLUMN territory_outline.geom IS 'Simplified outline (EPSG:3857, metres).';

COMMENT ON TABLE epci_part IS
    'What each EPCI has in each département: one row for most, several for one that straddles. Derived from the '
    'communes.';
COMMENT ON COLUMN epci_part.epci IS 'SIREN of the EPCI.';
COMMENT ON COLUMN epci_part.departement IS 'INSEE code of the département.';
COMMENT ON COLUMN epci_part.region IS 'INSEE code of the région of that département.';
COMMENT ON COLUMN epci_part.communes IS 'How many of its communes lie in that département.';
COMMENT ON COLUMN epci_part.population IS
    'Inhabitants of these communes whose population is known; null where none is.';
COMMENT ON COLUMN epci_part.population_year IS
    'Year that these populations are of; null where they are of several years or one is unknown.';

COMMENT ON TABLE epci_part_outline IS
    'Outlines of the parts of EPCI that straddle: unions of their communes as simplified for that zoom.';
COMMENT ON COLUMN epci_part_outline.epci IS 'SIREN of the EPCI.';
COMMENT ON COLUMN epci_part_outline.departement IS 'INSEE code of the département.';
COMMENT ON COLUMN epci_part_outline.zoom IS 'As in territory_outline.';
COMMENT ON COLUMN epci_part_outline.geom IS 'Simplified outline (EPSG:3857, metres).';

COMMENT ON TABLE territory_alias IS 'Other codes and names under which a commune of today is known.';
COMMENT ON COLUMN territory_alias.kind IS
    'associee or deleguee (a part of the commune that kept its name), arrondissement (of Paris, Lyon, Marseille), '
    'former (a commune that is no more, or a name it had).';
COMMENT ON COLUMN territory_alias.code IS 'INSEE code of the alias; may be that of the commune itself.';
COMMENT ON COLUMN territory_alias.name IS 'Name of the alias.';
COMMENT ON COLUMN territory_alias.commune IS 'INSEE code of the commune of today.';
COMMENT ON COLUMN territory_alias.postcodes IS 'Postal codes of the alias; empty where no source tells them.';
COMMENT ON COLUMN territory_alias.level IS 'Always commune: half of the key of territory.';

COMMENT ON TABLE commune_event IS
    'What happened to communes since 1943: INSEE, code officiel géographique, "mouvements de communes". One row '
    'for each movement.';
COMMENT ON COLUMN commune_event.id IS 'Place in INSEE''s file, in the order of days.';
COMMENT ON COLUMN commune_event.day IS 'First day of the state after.';
COMMENT ON COLUMN commune_event.kind IS 'INSEE''s MOD: 10 rename, 21 re-establishment, 32 commune nouvelle, …';
COMMENT ON COLUMN commune_event.type_before IS
    'COM, COMA (associée), COMD (déléguée) or ARM (arrondissement); null, with the other columns before, where no '
    'commune existed.';
COMMENT ON COLUMN commune_event.code_before IS 'INSEE code before.';
COMMENT ON COLUMN commune_event.name_before IS 'Name before.';
COMMENT ON COLUMN commune_event.type_after IS
    'COM, COMA, COMD or ARM; null, with the other columns after, for ground that left the code.';
COMMENT ON COLUMN commune_event.code_after IS 'INSEE code after.';
COMMENT ON COLUMN commune_event.name_after IS 'Name after.';

COMMENT ON TABLE territory_mosaic IS 'A raster of all communes, as maps shade them from afar.';
COMMENT ON COLUMN territory_mosaic.level IS 'Always commune.';
COMMENT ON COLUMN territory_mosaic.content IS
    'Runs of pixels of EPSG:3857, in the format that mapservice/territories writes and the browser reads.';

COMMENT ON TABLE territory_load IS 'Which sets of territories were loaded; the latest is in force.';
COMMENT ON COLUMN territory_load.id IS 'Counts the loads.';
COMMENT ON COLUMN territory_load.source IS 'Where the set came from, in words.';
COMMENT ON COLUMN territory_load.licence IS 'Licence of the set.';
COMMENT ON COLUMN territory_load.cog_year IS 'Year of the COG of the set.';
COMMENT ON COLUMN territory_load.loaded_at IS 'When it was loaded.';
