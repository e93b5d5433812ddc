-- A picture of all territories of a level, as maps shade them from afar: `territories/raster.py`.
CREATE TABLE territory_mosaic (
    level   text  PRIMARY KEY CHECK (level = 'commune'),
    content bytea NOT NULL
);
