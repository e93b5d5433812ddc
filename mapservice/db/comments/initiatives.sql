-- Initiatives and their places.

COMMENT ON TABLE initiative IS 'Local initiatives, whatever their status: imported ones, and those proposed here.';
COMMENT ON COLUMN initiative.id IS 'Unguessable identifier (UUID version 7).';
COMMENT ON COLUMN initiative.title IS 'One line of plain text.';
COMMENT ON COLUMN initiative.summary IS 'A few lines of plain text; empty where there is none.';
COMMENT ON COLUMN initiative.description IS 'Plain text of up to 20,000 characters; empty where there is none.';
COMMENT ON COLUMN initiative.theme IS 'One of nine themes.';
COMMENT ON COLUMN initiative.scale IS
    'Whom it is for: commune, epci, departement, region or national. Says nothing about where it is.';
COMMENT ON COLUMN initiative.status IS
    'draft, pending, published, rejected, done, archived or merged. Public are published, done and archived.';
COMMENT ON COLUMN initiative.created_at IS
    'The day that somebody told, or the moment if that was here; null: unknown.';
COMMENT ON COLUMN initiative.updated_at IS
    'As its source tells, or since when it stands so here; null: unknown. Our own clock is changed_at.';
COMMENT ON COLUMN initiative.source_platform IS
    'Name of the platform that it was imported from; empty for what was proposed here.';
COMMENT ON COLUMN initiative.source_id IS 'Identifier at its source; null where there is none.';
COMMENT ON COLUMN initiative.source_url IS 'Page at its source (http or https); empty where there is none.';
COMMENT ON COLUMN initiative.source_licence IS
    'Licence under which its source gives it; empty where that is unknown.';
COMMENT ON COLUMN initiative.source_digest IS
    'Digest of the imported row: an equal one means unchanged. Null for what was not imported.';
COMMENT ON COLUMN initiative.place_text IS
    'The place as its source or author wrote it; empty where nothing was written.';
COMMENT ON COLUMN initiative.precision IS
    'What of its place is sure: point, commune, epci, departement, region, national (all of France) or none '
    '(unknown).';
COMMENT ON COLUMN initiative.point IS
    'A place known to the metre, longitude and latitude (EPSG:4326); null unless precision is point. Never '
    'derived from a commune.';
COMMENT ON COLUMN initiative.commune IS 'INSEE code of its commune; null unless precision is point or commune.';
COMMENT ON COLUMN initiative.epci IS
    'SIREN of its EPCI, told or derived from the commune; null where there is none, or it is not sure.';
COMMENT ON COLUMN initiative.departement IS
    'INSEE code of its département, told or derived; null where it is not sure.';
COMMENT ON COLUMN initiative.region IS 'INSEE code of its région, told or derived; null where it is not sure.';
COMMENT ON COLUMN initiative.anchor IS
    'Where maps show it, longitude and latitude (EPSG:4326): the point, else the label point of the finest '
    'territory known; null for all of France, or an unknown place.';
COMMENT ON COLUMN initiative.anchor_3857 IS 'The anchor in web mercator (EPSG:3857, metres).';
COMMENT ON COLUMN initiative.cell IS
    'Z-order code of the anchor at zoom 24, see grid_cell(); null without an anchor.';
COMMENT ON COLUMN initiative.supporters IS 'How many supports count (support_once), each person once.';
COMMENT ON COLUMN initiative.search IS
    'Words of title, summary and the beginning of description, stemmed and without accents.';
COMMENT ON COLUMN initiative.changed_at IS
    'When what is published of the row last changed here, by the clock; its source''s own date (updated_at) may '
    'precede it by years.';
COMMENT ON COLUMN initiative.state_since IS
    'Since when it is here with its present status, by the clock: what a digest takes for new.';
COMMENT ON COLUMN initiative.told_here IS
    'How many of supporters told their commune; 0 for a place that is all of France, or unknown.';
COMMENT ON COLUMN initiative.local_here IS 'How many of told_here are local, see communes_around().';
COMMENT ON COLUMN initiative.created_period IS
    'A year or a month (ISO 8601, "2022" or "2022-03") where no day was told; null otherwise.';
COMMENT ON COLUMN initiative.source_supporters IS
    'Supports that the source of an imported initiative tells; nobody confirmed them here. Null: it tells '
    'nothing.';
COMMENT ON COLUMN initiative.address IS 'Where to go, in words, as its author wrote it; null: nobody told.';
COMMENT ON COLUMN initiative.opening_hours IS
    'When it is open, in the syntax of OpenStreetMap, local time; null: nobody told.';
COMMENT ON COLUMN initiative.open_minutes IS
    'The same as minutes of kinds of days, for queries: see initiatives/opening_hours.py. Null without '
    'opening_hours.';
COMMENT ON COLUMN initiative.start_day IS 'The first of its days, local; null: it has none, or nobody told.';
COMMENT ON COLUMN initiative.end_day IS 'The last of its days, that of start_day where it is one day; null as start_day.';
COMMENT ON COLUMN initiative.start_time IS 'Local time at which it begins on start_day; null: nobody told.';
COMMENT ON COLUMN initiative.end_time IS 'Local time at which it ends on end_day; null: nobody told.';
COMMENT ON COLUMN initiative.is_free IS 'Whether it costs nothing; null: nobody told, or price says more.';
COMMENT ON COLUMN initiative.price IS 'What it costs, in words; null: nobody told.';
COMMENT ON COLUMN initiative.wheelchair IS
    'Access for wheelchairs as OpenStreetMap has it: yes, limited or no; null: nobody told.';
COMMENT ON COLUMN initiative.website IS 'Its own page elsewhere (http or https); null: nobody told.';
COMMENT ON COLUMN initiative.tags IS 'One to ten words of its author, in small letters; null: none.';
COMMENT ON COLUMN initiative.audience IS
    'Whom it is for: tous, enfants, jeunes, familles, adultes, aines; null: nobody told.';

COMMENT ON TABLE location_match IS
    'How the place of an initiative was understood: the record of the match, kept beside it.';
COMMENT ON COLUMN location_match.initiative IS 'The initiative.';
COMMENT ON COLUMN location_match.query IS
    'What was asked: an object with text, and lon, lat (EPSG:4326) where a point was given.';
COMMENT ON COLUMN location_match.parts IS
    'What the text was read as: an object; empty where the match came from elsewhere.';
COMMENT ON COLUMN location_match.candidates IS
    'The communes that came into question, the best first: an array of objects.';
COMMENT ON COLUMN location_match.status IS 'certain, likely, ambiguous or none.';
COMMENT ON COLUMN location_match.precision IS 'What of the place the match is sure of, as initiative.precision.';
COMMENT ON COLUMN location_match.score IS 'Between 0 and 1.';
COMMENT ON COLUMN location_match.method IS 'Which rule decided.';
COMMENT ON COLUMN location_match.reason IS 'Why it decided so, in words; empty where there is nothing to say.';
COMMENT ON COLUMN location_match.cog_year IS 'Year of the COG of the territories that it was matched with.';
COMMENT ON COLUMN location_match.matched_at IS 'When it was matched.';
COMMENT ON COLUMN location_match.review IS
    'none: no person is asked; waiting: one is; decided: one has decided, and that holds.';
COMMENT ON COLUMN location_match.decided_by IS 'Who decided; null unless review is decided.';
COMMENT ON COLUMN location_match.decided_at IS 'When that was decided; null unless review is decided.';
COMMENT ON COLUMN location_match.attribution IS
    'Whom the point is owed to, where an outside address API gave it; else empty.';
COMMENT ON COLUMN location_match.decision IS
    'What was decided last, also when the place waits again: {choice, code, lon, lat, note, by, at, before: '
    '{precision, code, lon, lat}, withdrawn: {by, at}, former: {…}}; null: nothing ever was.';

COMMENT ON TABLE provider_answer IS
    'Answers of an outside address API, shared by all workers. Where the API knew nothing, all columns of the '
    'answer are null.';
COMMENT ON COLUMN provider_answer.digest IS
    'BLAKE2b (128 bits, in hexadecimal) of the provider''s address and the text that was asked; of that text '
    'nothing else is kept.';
COMMENT ON COLUMN provider_answer.lon IS 'Longitude (EPSG:4326).';
COMMENT ON COLUMN provider_answer.lat IS 'Latitude (EPSG:4326).';
COMMENT ON COLUMN provider_answer.score IS 'The provider''s score, between 0 and 1.';
COMMENT ON COLUMN provider_answer.type IS 'The provider''s kind of place, such as housenumber.';
COMMENT ON COLUMN provider_answer.citycode IS 'INSEE code of the commune.';
COMMENT ON COLUMN provider_answer.attribution IS 'Whom the answer is owed to.';
COMMENT ON COLUMN provider_answer.fetched_at IS 'When it was fetched.';

COMMENT ON TABLE removal IS
    'Initiatives that were public and are no more: deleted, or of a status that is not public.';
COMMENT ON COLUMN removal.initiative IS 'The initiative; no foreign key, it may be deleted.';
COMMENT ON COLUMN removal.removed_at IS 'When it left public view, by the clock.';
