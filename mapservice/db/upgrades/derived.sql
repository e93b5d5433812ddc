-- After an upgrade to the baseline, with the functions of today: what is derived from rows that were there before.

SELECT territory_parts_refresh();

-- What was imported pending waits too, and what is known to no more than an EPCI concerns each part of it.
SELECT waiting_refresh(ids)
  FROM (SELECT array_agg(initiative) AS ids
          FROM (SELECT initiative FROM waiting UNION SELECT initiative FROM waiting_now) AS known) AS all_that_wait
 WHERE ids IS NOT NULL;
