-- Groups, who belongs to them, and what.

COMMENT ON TABLE local_group IS
    'A group of people who do something together at a place or for a territory. Archived ones stay.';
COMMENT ON COLUMN local_group.id IS 'Public identifier.';
COMMENT ON COLUMN local_group.form IS 'The form that made it: sent twice, it is still one group. Null for what no form made.';
COMMENT ON COLUMN local_group.status IS
    'draft (sent back to its organisers), pending, published, archived (by its organisers, or a moderator) or rejected.';
COMMENT ON COLUMN local_group.name IS 'Name, plain text.';
COMMENT ON COLUMN local_group.summary IS 'Summary, plain text.';
COMMENT ON COLUMN local_group.description IS 'Description, Markdown.';
COMMENT ON COLUMN local_group.theme IS 'As of initiatives.';
COMMENT ON COLUMN local_group.openness IS
    'How one becomes a member: open (by oneself), moderated (an organiser accepts) or invitation.';
COMMENT ON COLUMN local_group.organisation IS
    'The organisation that it says it is: RNA number or SIREN, checked by its form alone; or empty.';
COMMENT ON COLUMN local_group.place_text IS 'The place as typed.';
COMMENT ON COLUMN local_group.area IS
    'What the group is for: its commune or address, or the whole EPCI, département, région or country around that place.';
COMMENT ON COLUMN local_group.precision IS 'The finest territory that is sure, point where there truly is one.';
COMMENT ON COLUMN local_group.point IS 'The place itself, longitude and latitude (EPSG:4326); null unless the precision is point.';
COMMENT ON COLUMN local_group.commune IS 'INSEE code, or null.';
COMMENT ON COLUMN local_group.epci IS 'SIREN, or null.';
COMMENT ON COLUMN local_group.departement IS 'INSEE code, or null.';
COMMENT ON COLUMN local_group.region IS 'INSEE code, or null.';
COMMENT ON COLUMN local_group.anchor IS 'Where filters find it (EPSG:4326): the point, else the label point of the finest territory known.';
COMMENT ON COLUMN local_group.anchor_3857 IS 'The same in web mercator (EPSG:3857, metres).';
COMMENT ON COLUMN local_group.cell IS 'Z-order code of the anchor, as of initiatives.';
COMMENT ON COLUMN local_group.search IS 'Words of name, summary and description, for French text search.';
COMMENT ON COLUMN local_group.members IS 'How many belong to it: members, editors and organisers, each confirmed by mail.';
COMMENT ON COLUMN local_group.organisers IS 'How many of these organise it.';
COMMENT ON COLUMN local_group.succession_since IS 'Since when it has no organiser; null while it has one.';
COMMENT ON COLUMN local_group.handed_over_at IS 'When it went to the moderators of its territory, as nobody took it over; else null.';
COMMENT ON COLUMN local_group.last_sign_at IS 'When an organiser or editor last gave a sign of life.';
COMMENT ON COLUMN local_group.revision IS 'Number of the present text; each edit counts one up.';
COMMENT ON COLUMN local_group.queued_at IS 'Since when it waits for a moderator; null: it does not.';
COMMENT ON COLUMN local_group.submitted_at IS 'When it was proposed and confirmed.';
COMMENT ON COLUMN local_group.published_at IS 'When it was first published.';
COMMENT ON COLUMN local_group.archived_at IS 'When it was archived; null unless it is.';
COMMENT ON COLUMN local_group.reason IS 'What moderators told its organisers last.';
COMMENT ON COLUMN local_group.before_change IS 'What it said in public before the first change that no moderator has looked at; null: none.';
COMMENT ON COLUMN local_group.source IS
    'sample or generated for what is made up, the name of another service for what came in its package; else empty.';
COMMENT ON COLUMN local_group.source_url IS 'Its page where it is organised; empty: organised here, or not told.';
COMMENT ON COLUMN local_group.source_licence IS 'Licence under which its source passes it on; empty: not told.';
COMMENT ON COLUMN local_group.changed_at IS 'When what is published of it last changed, by the clock.';

COMMENT ON COLUMN local_group.messages_held_until IS
    'Until when messages wait for a moderator, since one was refused; null, or past: they do not.';

COMMENT ON TABLE group_member IS
    'Who belongs to a group, follows it, asks to, or may not. Who left has no row.';
COMMENT ON COLUMN group_member.id IS 'Random identifier; addresses of the organisers'' page carry it.';
COMMENT ON COLUMN group_member.local_group IS 'The group.';
COMMENT ON COLUMN group_member.person IS 'Who.';
COMMENT ON COLUMN group_member.standing IS
    'requested (an organiser decides), follower, member, editor (may change the text), organiser, or banned.';
COMMENT ON COLUMN group_member.name IS 'Name told to the organisers, or empty.';
COMMENT ON COLUMN group_member.is_public IS 'Whether the name of an organiser may be shown on the group''s page.';
COMMENT ON COLUMN group_member.shares_address IS 'Whether organisers may see the address.';
COMMENT ON COLUMN group_member.offered_by IS 'The organiser who offered to make them one too; null: none, or gone since.';
COMMENT ON COLUMN group_member.offered_until IS 'When that offer expires; null: there is none.';
COMMENT ON COLUMN group_member.created_at IS 'When it was confirmed first.';
COMMENT ON COLUMN group_member.changed_at IS 'When the standing changed last.';
COMMENT ON COLUMN group_member.leave_key IS 'Signs the links that leave, or end messages, with one click.';
COMMENT ON COLUMN group_member.hears IS
    'What messages of the organisers reach them: all (as they are sent), digest (in the mail of the day alone) or none.';

COMMENT ON TABLE group_initiative IS 'Initiatives that belong to a group: their author, an organiser or editor of it, said so.';
COMMENT ON COLUMN group_initiative.initiative IS 'The initiative; it belongs to one group at most.';
COMMENT ON COLUMN group_initiative.local_group IS 'The group.';
COMMENT ON COLUMN group_initiative.added_at IS 'When that was said.';

COMMENT ON TABLE group_message IS 'What organisers write to those who belong to a group, or registered for an event; no page shows it.';
COMMENT ON COLUMN group_message.id IS 'Random identifier.';
COMMENT ON COLUMN group_message.form IS 'The form that made it: sent twice, it is still one message.';
COMMENT ON COLUMN group_message.local_group IS 'The group; null for a message about an event.';
COMMENT ON COLUMN group_message.event IS 'The date whose registered people it is for; null for a message to a group.';
COMMENT ON COLUMN group_message.person IS 'Who wrote it; goes with their account.';
COMMENT ON COLUMN group_message.audience IS 'team (organisers and editors), members (and these), everyone (followers too); of an event coming, waiting or registered (both).';
COMMENT ON COLUMN group_message.at_once IS 'A mail of its own; else a part of the mail of the day.';
COMMENT ON COLUMN group_message.subject IS 'Subject, one line.';
COMMENT ON COLUMN group_message.text IS 'What it says, plain text.';
COMMENT ON COLUMN group_message.state IS 'held (a moderator reads it first), sent, or refused.';
COMMENT ON COLUMN group_message.reason IS 'Why a moderator refused it.';
COMMENT ON COLUMN group_message.recipients IS 'To how many it was sent.';
COMMENT ON COLUMN group_message.base_url IS 'Where the service was reached when it was written, for the links of its mails.';
COMMENT ON COLUMN group_message.report_key IS 'Signs the links by which a reader reports it.';
COMMENT ON COLUMN group_message.written_at IS 'When it was written; a year later it goes.';
COMMENT ON COLUMN group_message.sent_at IS 'When it was sent; null: not.';
COMMENT ON COLUMN group_message.queued_at IS 'Since when it waits for a moderator, held or reported; null: it does not.';

COMMENT ON TABLE group_message_due IS 'Whom a message is to be told to: the transaction that writes the mail takes the row out.';
COMMENT ON COLUMN group_message_due.person IS 'Who.';
COMMENT ON COLUMN group_message_due.message IS 'The message.';
COMMENT ON COLUMN group_message_due.at_once IS 'By a mail of its own; else in the mail of the day.';

COMMENT ON TABLE group_message_report IS 'Readers who reported a message to moderators, who are not told their names.';
COMMENT ON COLUMN group_message_report.message IS 'The message.';
COMMENT ON COLUMN group_message_report.person IS 'Who reported it: once.';
COMMENT ON COLUMN group_message_report.words IS 'What they say about it, or empty.';
COMMENT ON COLUMN group_message_report.reported_at IS 'When.';
COMMENT ON COLUMN group_message_report.closed_at IS 'When a moderator decided about the message; null: not yet.';
