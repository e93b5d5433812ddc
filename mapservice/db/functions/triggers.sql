-- What fires on each table. Of one moment (before or after, row or statement) PostgreSQL runs triggers in the
-- order of their names; they stand in that order here.
--
-- Run by `db migrate` when this file changed, or when the triggers of the database are not those it made: to
-- make a trigger anew keeps writers of its table out until the migration ends.

DROP TRIGGER IF EXISTS burst_decided ON burst;
CREATE CONSTRAINT TRIGGER burst_decided AFTER UPDATE OF state ON burst
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION burst_waits();

DROP TRIGGER IF EXISTS burst_found ON burst;
CREATE CONSTRAINT TRIGGER burst_found AFTER INSERT ON burst
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION burst_waits();

CREATE OR REPLACE TRIGGER burst_stays BEFORE UPDATE ON burst
    FOR EACH ROW WHEN (OLD.state <> 'open') EXECUTE FUNCTION burst_stays();

CREATE OR REPLACE TRIGGER decision_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON decision
    FOR EACH STATEMENT EXECUTE FUNCTION decision_stays();

CREATE OR REPLACE TRIGGER delivery_wakes AFTER INSERT ON delivery FOR EACH STATEMENT EXECUTE FUNCTION wake_mail();

CREATE OR REPLACE TRIGGER push_message_wakes AFTER INSERT ON push_message
    FOR EACH STATEMENT EXECUTE FUNCTION wake_push();

CREATE OR REPLACE TRIGGER event_place BEFORE INSERT OR UPDATE OF precision, point, commune, epci, departement, region
    ON event FOR EACH ROW EXECUTE FUNCTION initiative_place();

CREATE OR REPLACE TRIGGER event_series_waits AFTER UPDATE OF queued_at, revision ON event_series
    FOR EACH ROW EXECUTE FUNCTION event_series_waits();

CREATE OR REPLACE TRIGGER event_touch BEFORE UPDATE ON event FOR EACH ROW EXECUTE FUNCTION event_touch();

CREATE OR REPLACE TRIGGER federation_delete AFTER DELETE ON event
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION federation_after_write();

CREATE OR REPLACE TRIGGER federation_insert AFTER INSERT ON event
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION federation_after_write();

CREATE OR REPLACE TRIGGER federation_update AFTER UPDATE ON event
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION federation_after_write();

CREATE OR REPLACE TRIGGER rollup_delete AFTER DELETE ON event
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();

CREATE OR REPLACE TRIGGER rollup_insert AFTER INSERT ON event
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();

CREATE OR REPLACE TRIGGER rollup_truncate AFTER TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_truncate();

CREATE OR REPLACE TRIGGER rollup_update AFTER UPDATE ON event
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();

CREATE OR REPLACE TRIGGER spot_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF status, theme, precision, point, commune, epci, departement, region, anchor, anchor_3857,
    cell, starts_at, ends_at
    ON event FOR EACH STATEMENT EXECUTE FUNCTION spot_change_note('events');

CREATE OR REPLACE TRIGGER federation_delivery_wakes AFTER INSERT ON federation_delivery
    FOR EACH STATEMENT EXECUTE FUNCTION wake_federation();

CREATE OR REPLACE TRIGGER group_members_counted AFTER INSERT OR DELETE OR UPDATE OF standing ON group_member
    FOR EACH ROW EXECUTE FUNCTION group_members_counted();

CREATE OR REPLACE TRIGGER group_message_sent AFTER INSERT OR UPDATE OF state ON group_message
    FOR EACH ROW EXECUTE FUNCTION group_message_after_state();

CREATE OR REPLACE TRIGGER group_message_waits AFTER INSERT OR UPDATE OF queued_at ON group_message
    FOR EACH ROW EXECUTE FUNCTION group_message_waits();

CREATE OR REPLACE TRIGGER group_place BEFORE INSERT OR UPDATE OF precision, point, commune, epci, departement, region
    ON local_group FOR EACH ROW EXECUTE FUNCTION initiative_place();

CREATE OR REPLACE TRIGGER group_touch BEFORE UPDATE OF status, name, summary, description, theme, openness, organisation,
    place_text, precision, point, commune, epci, departement, region
    ON local_group FOR EACH ROW EXECUTE FUNCTION event_touch();

CREATE OR REPLACE TRIGGER group_waits AFTER UPDATE OF queued_at, revision ON local_group
    FOR EACH ROW EXECUTE FUNCTION group_waits();

CREATE OR REPLACE TRIGGER rollup_delete AFTER DELETE ON local_group
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();

CREATE OR REPLACE TRIGGER rollup_insert AFTER INSERT ON local_group
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();

CREATE OR REPLACE TRIGGER rollup_truncate AFTER TRUNCATE ON local_group
    FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_truncate();

CREATE OR REPLACE TRIGGER rollup_update AFTER UPDATE ON local_group
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();

CREATE OR REPLACE TRIGGER spot_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF status, theme, precision, point, commune, epci, departement, region, anchor,
    anchor_3857, cell
    ON local_group FOR EACH STATEMENT EXECUTE FUNCTION spot_change_note('groups');

CREATE OR REPLACE TRIGGER federation_delete AFTER DELETE ON initiative
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION federation_after_write();

CREATE OR REPLACE TRIGGER federation_insert AFTER INSERT ON initiative
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION federation_after_write();

CREATE OR REPLACE TRIGGER federation_update AFTER UPDATE ON initiative
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION federation_after_write();

CREATE OR REPLACE TRIGGER harvest_hold BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON initiative
    FOR EACH STATEMENT EXECUTE FUNCTION harvest_hold();

-- By its name before `initiative_state` and `initiative_touch`.
CREATE OR REPLACE TRIGGER initiative_merged BEFORE UPDATE OF status ON initiative
    FOR EACH ROW WHEN (NEW.status <> OLD.status AND 'merged' IN (NEW.status, OLD.status))
    EXECUTE FUNCTION initiative_merged();

CREATE OR REPLACE TRIGGER initiative_moved AFTER UPDATE OF precision, point, commune, epci, departement, region ON initiative
    FOR EACH ROW WHEN (OLD.supporters > 0
        AND (OLD.precision, OLD.commune, OLD.epci, OLD.departement, OLD.region)
            IS DISTINCT FROM (NEW.precision, NEW.commune, NEW.epci, NEW.departement, NEW.region))
    EXECUTE FUNCTION initiative_moved();

CREATE OR REPLACE TRIGGER initiative_place BEFORE INSERT OR UPDATE OF precision, point, commune, epci, departement, region
    ON initiative FOR EACH ROW EXECUTE FUNCTION initiative_place();

CREATE OR REPLACE TRIGGER initiative_state BEFORE UPDATE OF status ON initiative
    FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION initiative_state();

CREATE OR REPLACE TRIGGER initiative_touch BEFORE INSERT OR UPDATE ON initiative
    FOR EACH ROW EXECUTE FUNCTION initiative_touch();

-- What is deleted may be what others were merged into: these come back.
CREATE OR REPLACE TRIGGER merge_hold BEFORE DELETE ON initiative
    FOR EACH STATEMENT EXECUTE FUNCTION merge_hold('alone');

CREATE OR REPLACE TRIGGER removal_delete AFTER DELETE ON initiative
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION removal_after_delete();

CREATE OR REPLACE TRIGGER removal_insert AFTER INSERT ON initiative
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION removal_after_insert();

CREATE OR REPLACE TRIGGER removal_status AFTER UPDATE OF status ON initiative
    FOR EACH ROW WHEN (is_public(NEW.status) <> is_public(OLD.status))
    EXECUTE FUNCTION removal_after_status();

-- By its name after `harvest_hold`.
CREATE OR REPLACE TRIGGER removal_truncate BEFORE TRUNCATE ON initiative
    FOR EACH STATEMENT EXECUTE FUNCTION removal_before_truncate();

CREATE OR REPLACE TRIGGER rollup_delete AFTER DELETE ON initiative
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();

CREATE OR REPLACE TRIGGER rollup_insert AFTER INSERT ON initiative
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();

CREATE OR REPLACE TRIGGER rollup_truncate AFTER TRUNCATE ON initiative
    FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_truncate();

CREATE OR REPLACE TRIGGER rollup_update AFTER UPDATE ON initiative
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rollup_after_write();

CREATE OR REPLACE TRIGGER tile_changes_delete AFTER DELETE ON initiative
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION tile_changes_after_write();

CREATE OR REPLACE TRIGGER tile_changes_insert AFTER INSERT ON initiative
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tile_changes_after_write();

CREATE OR REPLACE TRIGGER tile_changes_truncate AFTER TRUNCATE ON initiative
    FOR EACH STATEMENT EXECUTE FUNCTION tile_changes_everywhere();

CREATE OR REPLACE TRIGGER tile_changes_update AFTER UPDATE ON initiative
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION tile_changes_after_write();

CREATE OR REPLACE TRIGGER waiting_change AFTER UPDATE OF status, precision, point, commune, epci, departement, region
    ON initiative FOR EACH ROW
    WHEN ((OLD.status, OLD.commune, OLD.epci, OLD.departement, OLD.region)
          IS DISTINCT FROM (NEW.status, NEW.commune, NEW.epci, NEW.departement, NEW.region))
    EXECUTE FUNCTION waiting_after_change();

CREATE OR REPLACE TRIGGER waiting_insert AFTER INSERT ON initiative REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_insert();

CREATE OR REPLACE TRIGGER waiting_insert AFTER INSERT ON location_match REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('review', 'review = ''waiting''');

CREATE OR REPLACE TRIGGER waiting_update AFTER UPDATE ON location_match REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write(
        'review, matched_at, candidates, query', 'review = ''waiting''');

CREATE OR REPLACE TRIGGER merge_before BEFORE INSERT ON merge FOR EACH ROW EXECUTE FUNCTION merge_before();

CREATE OR REPLACE TRIGGER merge_delete AFTER DELETE ON merge FOR EACH ROW EXECUTE FUNCTION merge_after_delete();

CREATE OR REPLACE TRIGGER merge_hold BEFORE INSERT OR DELETE ON merge
    FOR EACH STATEMENT EXECUTE FUNCTION merge_hold('alone');

CREATE OR REPLACE TRIGGER merge_insert AFTER INSERT ON merge FOR EACH ROW EXECUTE FUNCTION merge_after_insert();

CREATE OR REPLACE TRIGGER role_lapses BEFORE DELETE ON person FOR EACH ROW EXECUTE FUNCTION role_lapses();

CREATE OR REPLACE TRIGGER page_changes_delete AFTER DELETE ON photo
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION page_changes_of_photos();

CREATE OR REPLACE TRIGGER page_changes_insert AFTER INSERT ON photo
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION page_changes_of_photos();

CREATE OR REPLACE TRIGGER page_changes_update AFTER UPDATE ON photo
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION page_changes_of_photos();

CREATE OR REPLACE TRIGGER photo_delete AFTER DELETE ON photo
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION photo_after_delete();

CREATE OR REPLACE TRIGGER post_published AFTER INSERT OR UPDATE OF state ON post
    FOR EACH ROW EXECUTE FUNCTION post_after_state();

CREATE OR REPLACE TRIGGER waiting_delete AFTER DELETE ON group_message
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION group_message_after_delete();

CREATE OR REPLACE TRIGGER waiting_delete AFTER DELETE ON post
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION post_after_delete();

CREATE OR REPLACE TRIGGER waiting_insert AFTER INSERT ON post REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('id, queued_at', 'queued_at IS NOT NULL');

CREATE OR REPLACE TRIGGER waiting_update AFTER UPDATE ON post REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('id, queued_at', 'queued_at IS NOT NULL');

CREATE OR REPLACE TRIGGER waiting_insert AFTER INSERT ON proposal REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('queued_at', 'queued_at IS NOT NULL');

CREATE OR REPLACE TRIGGER waiting_update AFTER UPDATE ON proposal REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('queued_at', 'queued_at IS NOT NULL');

CREATE OR REPLACE TRIGGER waiting_insert AFTER INSERT ON report REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('id, state, created_at', 'state = ''open''');

CREATE OR REPLACE TRIGGER waiting_update AFTER UPDATE ON report REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_write('id, state, created_at', 'state = ''open''');

CREATE OR REPLACE TRIGGER role_log_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON role_log
    FOR EACH STATEMENT EXECUTE FUNCTION role_log_stays();

CREATE OR REPLACE TRIGGER merge_hold BEFORE INSERT OR UPDATE OR DELETE ON support
    FOR EACH STATEMENT EXECUTE FUNCTION merge_hold('beside');

CREATE OR REPLACE TRIGGER support_delete AFTER DELETE ON support
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION support_count();

CREATE OR REPLACE TRIGGER support_insert AFTER INSERT ON support
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION support_count();

CREATE OR REPLACE TRIGGER support_truncate AFTER TRUNCATE ON support
    FOR EACH STATEMENT EXECUTE FUNCTION support_after_truncate();

CREATE OR REPLACE TRIGGER support_update AFTER UPDATE ON support
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION support_count();

CREATE OR REPLACE TRIGGER territory_renamed AFTER UPDATE OF name ON territory
    FOR EACH ROW WHEN (NEW.level IN ('commune', 'region') AND NEW.name <> OLD.name)
    EXECUTE FUNCTION territory_renamed();

CREATE OR REPLACE TRIGGER support_load AFTER INSERT ON territory_load
    FOR EACH STATEMENT EXECUTE FUNCTION support_after_load();

CREATE OR REPLACE TRIGGER tile_changes_load AFTER INSERT ON territory_load
    FOR EACH STATEMENT EXECUTE FUNCTION tile_changes_everywhere();

-- Another set of territories gives candidates other parents.
CREATE OR REPLACE TRIGGER waiting_load AFTER INSERT ON territory_load
    FOR EACH STATEMENT EXECUTE FUNCTION waiting_after_load();
