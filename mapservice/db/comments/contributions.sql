-- What people propose, back and report.

COMMENT ON TABLE proposal IS 'Beside an initiative that a person proposed here; imported ones have none.';
COMMENT ON COLUMN proposal.initiative IS 'The initiative.';
COMMENT ON COLUMN proposal.form IS
    'Made with the form that was filled in: however often it is sent, it makes one initiative.';
COMMENT ON COLUMN proposal.person IS 'The author; null once erased.';
COMMENT ON COLUMN proposal.submitted_at IS 'When it came in.';
COMMENT ON COLUMN proposal.published_at IS 'When it was first published; null: never.';
COMMENT ON COLUMN proposal.published_revision IS
    'The first version that was public; those before it never were. Null: none was.';
COMMENT ON COLUMN proposal.rejected_at IS 'When it was last rejected; null: never.';
COMMENT ON COLUMN proposal.done_at IS 'When its author said that it is done; null: not.';
COMMENT ON COLUMN proposal.archived_at IS 'When it was archived; null: not.';
COMMENT ON COLUMN proposal.reason IS 'What the moderators last told the author: why rejected, or what to change.';
COMMENT ON COLUMN proposal.queued_at IS
    'Since when a moderator is awaited: for a proposal, or for an edit that is public already. Null: for nothing.';

COMMENT ON TABLE initiative_revision IS 'Every version of what a proposal says; the newest is what initiative holds.';
COMMENT ON COLUMN initiative_revision.initiative IS 'The proposal.';
COMMENT ON COLUMN initiative_revision.number IS 'Counts the versions of one proposal, from 1.';
COMMENT ON COLUMN initiative_revision.made_at IS 'When it was written.';
COMMENT ON COLUMN initiative_revision.person IS 'Who wrote it; null once erased.';
COMMENT ON COLUMN initiative_revision.title IS 'As in initiative.';
COMMENT ON COLUMN initiative_revision.summary IS 'As in initiative.';
COMMENT ON COLUMN initiative_revision.description IS 'As in initiative.';
COMMENT ON COLUMN initiative_revision.theme IS 'As in initiative.';
COMMENT ON COLUMN initiative_revision.scale IS 'As in initiative.';
COMMENT ON COLUMN initiative_revision.place IS
    'As the author gave it: an object with words, pin (lon, lat, EPSG:4326) and the reading chosen.';
COMMENT ON COLUMN initiative_revision.photos IS
    'The photos that it shows, in their order: an array of objects with id, alt and credit. Their rows in photo may be '
    'gone.';
COMMENT ON COLUMN initiative_revision.facts IS
    'The practical facts that it told: an object by the names of the columns of initiative, without what nobody '
    'told.';
COMMENT ON COLUMN initiative_revision.needs IS
    'What it asked people to come and do: an array of objects with id, words, day and places.';

COMMENT ON TABLE need IS 'What an initiative, a group or an event asks people to come and do; the row is what places are locked by.';
COMMENT ON COLUMN need.id IS 'Unguessable identifier (UUID version 7).';
COMMENT ON COLUMN need.initiative IS 'The initiative that asks, or null.';
COMMENT ON COLUMN need.local_group IS 'The group that asks, or null.';
COMMENT ON COLUMN need.event IS 'The event that asks, or null.';
COMMENT ON COLUMN need.skill IS 'What kind of hands, of a closed list; any: no skill in particular.';
COMMENT ON COLUMN need.words IS 'One line of plain text.';
COMMENT ON COLUMN need.day IS 'On which day, local to the place; null: on no day in particular.';
COMMENT ON COLUMN need.places IS 'How many people it takes; never fewer than there are registrations.';
COMMENT ON COLUMN need.made_at IS 'When its author asked.';

COMMENT ON TABLE registration IS
    'Who comes, each person once; deleted when they leave, and 30 days after the day of the need.';
COMMENT ON COLUMN registration.id IS 'Unguessable identifier (UUID version 7).';
COMMENT ON COLUMN registration.need IS 'What for.';
COMMENT ON COLUMN registration.person IS 'Who; deleted with them.';
COMMENT ON COLUMN registration.shows_contact IS
    'Whether who asks is to see their name and address. The public sees a count.';
COMMENT ON COLUMN registration.leave_key IS 'Signs the mailed link that ends it.';
COMMENT ON COLUMN registration.confirmed_at IS 'When the address was proved, or the person was signed in.';

COMMENT ON TABLE burst IS
    'Supports of one initiative that arrived together in a way that a person is to look at: one row for each '
    'finding.';
COMMENT ON COLUMN burst.id IS 'Unguessable identifier (UUID version 7).';
COMMENT ON COLUMN burst.initiative IS 'The initiative that they back.';
COMMENT ON COLUMN burst.verdict IS 'hold: its supports are not counted meanwhile; look: they are.';
COMMENT ON COLUMN burst.sweeping IS
    'Not told by networks alone: while it lasts, all that arrives from elsewhere belongs to it.';
COMMENT ON COLUMN burst.first_at IS 'When the first of these supports was confirmed.';
COMMENT ON COLUMN burst.last_at IS 'When the last of them was confirmed.';
COMMENT ON COLUMN burst.size IS 'How many supports belonged to it when it was last looked at, or decided.';
COMMENT ON COLUMN burst.reasons IS
    'Why it was found: an array of codes with their figures, as they were when it was last looked at.';
COMMENT ON COLUMN burst.found_at IS 'When it was found.';
COMMENT ON COLUMN burst.state IS 'open, released (its supports count) or dismissed (they do not).';
COMMENT ON COLUMN burst.decided_at IS 'When a person decided; null while open.';
COMMENT ON COLUMN burst.decided_by IS 'Name of who decided; null while open.';
COMMENT ON COLUMN burst.decided_by_person IS
    'Account of who decided; null while open, and where the shared password was used. No foreign key.';
COMMENT ON COLUMN burst.note IS 'What who decided wrote about it; empty: nothing.';

COMMENT ON TABLE support IS
    'Confirmed supports, also withdrawn and held ones. What is not confirmed yet is in a token alone.';
COMMENT ON COLUMN support.id IS 'Random identifier (UUID version 4).';
COMMENT ON COLUMN support.initiative IS 'What is backed.';
COMMENT ON COLUMN support.person IS 'Who confirmed it; it goes with their account.';
COMMENT ON COLUMN support.commune IS
    'INSEE code that the supporter gave, for the local share alone; null: none given, or withdrawn.';
COMMENT ON COLUMN support.network IS
    'Keyed digest of where it was confirmed from (16 bytes); null once withdrawn, after some weeks, or where that '
    'is unknown.';
COMMENT ON COLUMN support.confirmed_at IS 'When it was last confirmed.';
COMMENT ON COLUMN support.withdrawn_at IS 'When it was withdrawn; null: it was not.';
COMMENT ON COLUMN support.held_at IS
    'Since when it is held back, while somebody looks at a burst or after it was dismissed; not counted. Null: it '
    'is not.';
COMMENT ON COLUMN support.burst IS
    'The latest burst that it was found in, whatever was decided about that; null: none.';

COMMENT ON TABLE report IS 'What somebody finds wrong with an initiative, for moderators.';
COMMENT ON COLUMN report.id IS 'Unguessable identifier (UUID version 7).';
COMMENT ON COLUMN report.initiative IS 'What it is about.';
COMMENT ON COLUMN report.person IS 'Who reported it; null without an address, or once erased.';
COMMENT ON COLUMN report.confirmed IS 'Whether it came from a proved address; a null person then means erased.';
COMMENT ON COLUMN report.reason IS 'false, hateful, private, duplicate, place or other.';
COMMENT ON COLUMN report.text IS 'What was written; may be empty.';
COMMENT ON COLUMN report.created_at IS 'When it was reported.';
COMMENT ON COLUMN report.state IS 'open or closed.';
COMMENT ON COLUMN report.closed_by IS 'Who closed it; null while open.';
COMMENT ON COLUMN report.closed_at IS 'When it was closed; null while open.';
COMMENT ON COLUMN report.note IS 'What who closed it wrote about it; empty: nothing.';
COMMENT ON COLUMN report.photo IS 'The photo that it is about; null: the initiative as a whole, or a photo that is gone.';

COMMENT ON TABLE post IS
    'What is said about an initiative: news, thanks and closing words of its author, comments of others.';
COMMENT ON COLUMN post.id IS 'Unguessable identifier (UUID version 7).';
COMMENT ON COLUMN post.initiative IS 'What it is about.';
COMMENT ON COLUMN post.person IS 'Who wrote it; null once erased.';
COMMENT ON COLUMN post.kind IS
    'news, closing (words at the end), thanks (for supporters who follow it) or comment.';
COMMENT ON COLUMN post.text IS 'Plain text; empty: it was closed without a word.';
COMMENT ON COLUMN post.closed_as IS 'Of closing words: what became of the initiative, done or archived; else null.';
COMMENT ON COLUMN post.state IS 'waiting (for a moderator), public (where its initiative is) or refused.';
COMMENT ON COLUMN post.made_at IS 'When it was written.';
COMMENT ON COLUMN post.queued_at IS 'Since when a moderator is to look at it; null: none is.';
COMMENT ON COLUMN post.published_at IS 'When it became public; null: it never was.';
COMMENT ON COLUMN post.reason IS 'Why it was refused; else empty.';
COMMENT ON COLUMN post.search IS 'Its words, for the search.';

COMMENT ON COLUMN report.post IS 'The post that it is about; null: none, or it is gone.';

COMMENT ON TABLE conversation IS
    'A visitor and an author who write to each other about an initiative. What they write is in the outbox alone.';
COMMENT ON COLUMN conversation.id IS 'Identifier.';
COMMENT ON COLUMN conversation.initiative IS 'What they write about.';
COMMENT ON COLUMN conversation.author IS 'The author.';
COMMENT ON COLUMN conversation.visitor IS 'Who wrote first.';
COMMENT ON COLUMN conversation.key IS 'Signs the links and addresses for replies.';
COMMENT ON COLUMN conversation.begun_at IS 'When the first message was sent.';
COMMENT ON COLUMN conversation.ended_at IS 'When one of them ended it; null while both may reply.';
COMMENT ON COLUMN conversation.ended_by IS 'Who ended it, author or visitor.';

COMMENT ON TABLE reply_link IS 'Links and addresses by which one of the two may reply, once.';
COMMENT ON COLUMN reply_link.id IS 'Identifier: part of the link and of the address.';
COMMENT ON COLUMN reply_link.conversation IS 'The conversation.';
COMMENT ON COLUMN reply_link.side IS 'Who may reply by it, author or visitor.';
COMMENT ON COLUMN reply_link.made_at IS 'When it was mailed.';
COMMENT ON COLUMN reply_link.expires_at IS 'When it ends if nobody uses it.';
COMMENT ON COLUMN reply_link.used_at IS 'When a reply came by it; null: none did.';

COMMENT ON COLUMN need_owner.need IS 'The need.';
COMMENT ON COLUMN need_owner.kind IS 'What asks: initiative, group or event.';
COMMENT ON COLUMN need_owner.owner IS 'The initiative, group or event.';
COMMENT ON COLUMN need_owner.title IS 'What that is called.';
COMMENT ON COLUMN need_owner.theme IS 'Its theme.';
COMMENT ON COLUMN need_owner.search IS 'Words of the need and of that, for text search.';
COMMENT ON COLUMN need_owner.precision IS 'How exactly its place is known.';
COMMENT ON COLUMN need_owner.commune IS 'Its commune, where that is known.';
COMMENT ON COLUMN need_owner.epci IS 'Its EPCI.';
COMMENT ON COLUMN need_owner.departement IS 'Its département.';
COMMENT ON COLUMN need_owner.region IS 'Its région.';
COMMENT ON COLUMN need_owner.anchor IS 'Where maps show it, WGS 84; null for what is online or of all of France.';
COMMENT ON COLUMN need_owner.anchor_3857 IS 'The same, EPSG:3857.';
COMMENT ON COLUMN need_owner.day IS 'On which day, local to the place: that of the need, else that of the event; null: on none in particular.';
COMMENT ON COLUMN need_owner.is_public IS 'Whether anybody may see it.';
COMMENT ON COLUMN need_owner.is_open IS 'Whether it is under way: the day apart, somebody may come.';
