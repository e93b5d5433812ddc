-- All that a near tile shows of an initiative, in the order of the grid: its rows lie all over the table,
-- and looking for them took half of the time (200 MB for a million). Beside `initiative_cell`, as
-- counting takes each entry of an index to pieces, and longer with more of them.
CREATE INDEX initiative_tile ON initiative (cell, id)
    INCLUDE (theme, status, anchor_3857, title, precision, commune, epci, departement, region);
