-- From schema 0023: a support that nobody confirmed here is none, so what a source tells of supports stands apart.
-- And who erases their account takes their supports along, as the page of erasure always said.

ALTER TABLE initiative
    ADD COLUMN source_supporters integer CHECK (source_supporters >= 0);

-- Published figures change, so those who harvest must hear of it (`changed_at`); yet nobody edited an initiative
-- today (`updated_at`).
ALTER TABLE initiative DISABLE TRIGGER initiative_touch;

-- Made nameless by an erasure under the former rule. The triggers take them out of every count.
UPDATE initiative SET changed_at = clock_timestamp()
 WHERE id IN (SELECT initiative FROM support WHERE person IS NULL
               UNION
              SELECT ancestor FROM merge_line JOIN support ON initiative = member WHERE person IS NULL);
DELETE FROM support WHERE person IS NULL;

UPDATE initiative
   SET source_supporters = supporters - supported_here, supporters = supported_here,
       changed_at = clock_timestamp()
 WHERE supporters <> supported_here;

ALTER TABLE initiative ENABLE TRIGGER initiative_touch;

-- They name the columns that go; `functions/` makes them anew.
DROP TRIGGER initiative_moved ON initiative;
DROP VIEW support_difference, support_local, support_once;

ALTER TABLE support
    DROP COLUMN mailbox,
    DROP COLUMN twin,
    ALTER COLUMN person SET NOT NULL;
ALTER TABLE initiative DROP COLUMN supported_here;
