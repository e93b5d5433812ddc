-- The communes of an EPCI were found by reading all 35,000 (51 MB): twice as long as the rest of the
-- page of a région or a département.
CREATE INDEX territory_epci ON territory (epci) WHERE level = 'commune';
