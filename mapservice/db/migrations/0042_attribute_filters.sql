-- Columns kept beside the fields are a filter (attr.NAME=value). Pairs of name and value alone, by their hashes: half
-- the size of an index that also knows names, and half of the work at each row of an import.
CREATE INDEX initiative_detail_attributes ON initiative_detail USING gin (attributes jsonb_path_ops);
