-- Series of events, their occurrences, who comes.

COMMENT ON TABLE event_series IS
    'When events take place: the wall time of the first, and the rule by which others follow (RFC 5545). A single '
    'event is a series without a rule.';
COMMENT ON COLUMN event_series.id IS 'Identifier; begins the UID that calendars know the whole series by.';
COMMENT ON COLUMN event_series.form IS 'The form that made it: sent twice, it is still one series. Null for what no form made.';
COMMENT ON COLUMN event_series.person IS 'Who organises it; null once erased, or for what nobody proposed here.';
COMMENT ON COLUMN event_series.continues IS 'The series that this one was parted from, by a change of "this and the following".';
COMMENT ON COLUMN event_series.local_group IS 'The group that it belongs to, as its organiser chose; null: none.';
COMMENT ON COLUMN event_series.starts_local IS 'Wall time, in zone, of the first occurrence.';
COMMENT ON COLUMN event_series.duration IS 'How long an occurrence takes, in wall time; at most 31 days.';
COMMENT ON COLUMN event_series.zone IS 'IANA time zone of the wall times.';
COMMENT ON COLUMN event_series.rrule IS 'Recurrence rule (RFC 5545) without its name, UNTIL in UTC; empty for a single event.';
COMMENT ON COLUMN event_series.exdates IS 'Wall times that the rule gives and at which nothing takes place.';
COMMENT ON COLUMN event_series.rdates IS 'Wall times besides those of the rule.';
COMMENT ON COLUMN event_series.made_until IS 'Up to when its occurrences are there as rows of event.';
COMMENT ON COLUMN event_series.sequence_base IS
    'What its SEQUENCE in calendars counts from, beside its dates'' own: grows when its times or rule change.';
COMMENT ON COLUMN event_series.retimed_at IS 'When they changed last; null: never.';
COMMENT ON COLUMN event_series.before_change IS 'What a public date of it (event) said before the first change that no moderator has looked at; null: none.';
COMMENT ON COLUMN event_series.revision IS 'Number of the present text; each edit counts one up.';
COMMENT ON COLUMN event_series.queued_at IS 'Since when it waits for a moderator; null: it does not.';
COMMENT ON COLUMN event_series.submitted_at IS 'When it was proposed and confirmed.';
COMMENT ON COLUMN event_series.published_at IS 'When it was first published.';
COMMENT ON COLUMN event_series.reason IS 'What moderators told its organiser last.';
COMMENT ON COLUMN event_series.source IS
    'sample or generated for what is made up, the name of another service for what came in its package, that of its '
    'source (import_source.platform) for what was imported; else empty.';
COMMENT ON COLUMN event_series.source_id IS
    'The UID that its source gives it, by which the next import knows it again; null: no source keeps it.';
COMMENT ON COLUMN event_series.source_url IS 'Its page at its source; empty: not told.';
COMMENT ON COLUMN event_series.source_licence IS 'Licence under which its source passes it on; empty: not told.';
COMMENT ON COLUMN event_series.source_digest IS
    'Of all that its source said when it was imported last; null: the next import is a change.';
COMMENT ON COLUMN event_series.source_sequence IS 'SEQUENCE at its source then: an older one is not taken.';
COMMENT ON COLUMN event_series.source_changed_at IS 'LAST-MODIFIED at its source then; null: not told.';
COMMENT ON COLUMN event_series.messages_held_until IS
    'Until when moderators read what its organiser writes to who is registered, before it is sent; null: they do not.';

COMMENT ON TABLE event IS
    'What takes place once: an occurrence of a series, made twelve months ahead, with its own text and place.';
COMMENT ON COLUMN event.id IS 'Public identifier; begins the UID that calendars know this occurrence by.';
COMMENT ON COLUMN event.series IS 'The series that it belongs to.';
COMMENT ON COLUMN event.recurrence_id IS 'The wall time that the rule gives it (RECURRENCE-ID), whatever became of it since.';
COMMENT ON COLUMN event.changed_alone IS 'Whether it was changed apart from its series: changes of all leave it as it is.';
COMMENT ON COLUMN event.status IS
    'draft (sent back to its organiser), pending, published, moved (to another time or place), postponed (to a day not '
    'known yet), cancelled, done or rejected.';
COMMENT ON COLUMN event.title IS 'Title, plain text.';
COMMENT ON COLUMN event.summary IS 'Summary, plain text.';
COMMENT ON COLUMN event.description IS 'Description, Markdown.';
COMMENT ON COLUMN event.theme IS 'As of initiatives.';
COMMENT ON COLUMN event.initiative IS 'The initiative that it belongs to; null: none.';
COMMENT ON COLUMN event.starts_at IS 'When it begins.';
COMMENT ON COLUMN event.ends_at IS 'When it ends.';
COMMENT ON COLUMN event.zone IS 'IANA time zone in which its times are told.';
COMMENT ON COLUMN event.starts_local IS 'starts_at as wall time in zone.';
COMMENT ON COLUMN event.ends_local IS 'ends_at as wall time in zone.';
COMMENT ON COLUMN event.mode IS 'place (one comes to it), online, or both.';
COMMENT ON COLUMN event.online_url IS 'Where it takes place online, or empty.';
COMMENT ON COLUMN event.place_text IS 'The place as typed.';
COMMENT ON COLUMN event.precision IS 'The finest territory that is sure, point where there truly is one; none for online events.';
COMMENT ON COLUMN event.point IS 'The place itself, longitude and latitude (EPSG:4326); null unless the precision is point.';
COMMENT ON COLUMN event.commune IS 'INSEE code, or null.';
COMMENT ON COLUMN event.epci IS 'SIREN, or null.';
COMMENT ON COLUMN event.departement IS 'INSEE code, or null.';
COMMENT ON COLUMN event.region IS 'INSEE code, or null.';
COMMENT ON COLUMN event.anchor IS 'Where maps show it (EPSG:4326): the point, else the label point of the finest territory known.';
COMMENT ON COLUMN event.anchor_3857 IS 'The same in web mercator (EPSG:3857, metres).';
COMMENT ON COLUMN event.cell IS 'Z-order code of the anchor, as of initiatives.';
COMMENT ON COLUMN event.search IS 'Words of title, summary and description, for French text search.';
COMMENT ON COLUMN event.registration IS 'none (just come), open, approval (the organiser decides), or external (elsewhere).';
COMMENT ON COLUMN event.registration_url IS 'Where to register, if elsewhere.';
COMMENT ON COLUMN event.capacity IS 'Seats; 0 says that there is none, null that nobody counts them.';
COMMENT ON COLUMN event.max_seats IS 'Seats that one person may take.';
COMMENT ON COLUMN event.question IS 'What is asked of those who have a seat, or empty.';
COMMENT ON COLUMN event.former_starts_at IS 'When it was to begin before it was moved or postponed; null if never.';
COMMENT ON COLUMN event.former_place IS 'Where it was to be before it was moved, as typed, or empty.';
COMMENT ON COLUMN event.note IS 'What the organiser says about its move, postponement or cancellation.';
COMMENT ON COLUMN event.sequence IS 'SEQUENCE of calendars: counts one up with each change that matters to who comes.';
COMMENT ON COLUMN event.created_at IS 'When the row was made.';
COMMENT ON COLUMN event.changed_at IS 'When it last changed, by the clock.';
COMMENT ON COLUMN event.cancelled_at IS 'When it was cancelled; null unless it is.';
COMMENT ON COLUMN event.cancellation IS 'By which act of its organiser it was cancelled last, undone or not; null: by none.';
COMMENT ON COLUMN event.cancelled_note IS 'The note that it had before that act; null unless it is cancelled by one.';
COMMENT ON COLUMN event.cancelled_from IS 'The state that it had before that act; null unless it is cancelled by one.';

COMMENT ON TABLE event_registration IS
    'Who comes to an event. What is not confirmed by its mailed link is in token alone.';
COMMENT ON COLUMN event_registration.id IS 'Random identifier; addresses of check-in carry it.';
COMMENT ON COLUMN event_registration.event IS 'The event.';
COMMENT ON COLUMN event_registration.person IS 'Who comes.';
COMMENT ON COLUMN event_registration.state IS
    'requested (the organiser decides), confirmed, waiting, offered (a seat, for a day), declined (refused by the '
    'organiser), cancelled (left, or let an offer expire), attended.';
COMMENT ON COLUMN event_registration.seats IS 'Seats asked for, that of the person included; those held once confirmed.';
COMMENT ON COLUMN event_registration.name IS 'Name told to the organiser, or empty.';
COMMENT ON COLUMN event_registration.is_public IS 'Whether the name may be shown among those who come.';
COMMENT ON COLUMN event_registration.answer IS 'Answer to the organiser''s question; emptied 30 days after the event.';
COMMENT ON COLUMN event_registration.created_at IS 'When it was confirmed first.';
COMMENT ON COLUMN event_registration.changed_at IS 'When its state changed last.';
COMMENT ON COLUMN event_registration.waits_since IS 'Place in the waiting list: the earliest first; null if it never waited.';
COMMENT ON COLUMN event_registration.offered_seats IS 'Seats on offer, fewer than asked for where fewer are free.';
COMMENT ON COLUMN event_registration.offered_until IS 'When the offer expires.';
COMMENT ON COLUMN event_registration.lapsed_at IS
    'When an offer ended that was not taken; null for who left, and for what ended before this was kept.';
COMMENT ON COLUMN event_registration.requested_told_at IS
    'When organisers were written that this person asks to come; null: not yet, or nobody asked.';
COMMENT ON COLUMN event_registration.reminded_at IS 'When the reminder was written; null: not yet.';
COMMENT ON COLUMN event_registration.leave_key IS 'Signs the link that leaves with one click.';
COMMENT ON COLUMN event_registration.shares_address IS
    'Whether the organiser may take their name and address away in a list of presence.';
COMMENT ON COLUMN event_registration.hears IS 'Whether messages of the organiser reach them.';

COMMENT ON TABLE event_cancellation IS
    'Acts by which an organiser called dates off, so that each can be undone as one; event.cancellation names them.';
COMMENT ON COLUMN event_cancellation.id IS 'Identifier.';
COMMENT ON COLUMN event_cancellation.series IS 'The series.';
COMMENT ON COLUMN event_cancellation.rrule IS 'Its rule before the act cut it short; as now where it did not.';
COMMENT ON COLUMN event_cancellation.made_at IS 'When.';
COMMENT ON COLUMN event_cancellation.undone_at IS 'When it was undone; null: not.';

COMMENT ON TABLE event_calendar IS 'Personal calendars: who has one, and the digest of the secret in its address.';
COMMENT ON COLUMN event_calendar.person IS 'Whose events it shows.';
COMMENT ON COLUMN event_calendar.digest IS 'SHA-256 of the secret.';
COMMENT ON COLUMN event_calendar.created_at IS 'When the address was made; a new one ends it.';
