-- Columns kept beside the fields are a filter (attr.NAME=value). Pairs of name and value, by their hashes: a name alone
-- is looked for by nothing, so no index of names is kept up at each row of an import.
CREATE INDEX initiative_detail_attributes ON initiative_detail USING gin (attributes jsonb_path_ops);
