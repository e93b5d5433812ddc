-- ActivityPub.

COMMENT ON TABLE federation_key IS 'The one key pair that this service signs with, for all its actors: a row at most.';
COMMENT ON COLUMN federation_key.is_only IS 'Always true: there is one row.';
COMMENT ON COLUMN federation_key.private_key IS
    'RSA, 2048 bits, PKCS #8 in PEM, encrypted with the key of the service (Fernet).';
COMMENT ON COLUMN federation_key.public_key IS 'What others check our signatures with: SubjectPublicKeyInfo in PEM.';
COMMENT ON COLUMN federation_key.is_on IS
    'Whether changes are noted at all: what MAPSERVICE_FEDERATION said when the worker last began.';
COMMENT ON COLUMN federation_key.made_at IS 'When it was made.';

COMMENT ON TABLE federation_follower IS 'Who follows an actor of ours from another server.';
COMMENT ON COLUMN federation_follower.actor IS 'Our actor, by its name: commune-35238, groupe-…, france.';
COMMENT ON COLUMN federation_follower.remote IS 'Address (id) of the actor that follows.';
COMMENT ON COLUMN federation_follower.host IS 'Its host, in lower case.';
COMMENT ON COLUMN federation_follower.inbox IS
    'Where it is told: the inbox that its server shares, or its own where there is none.';
COMMENT ON COLUMN federation_follower.own_inbox IS 'Its own inbox, to which its follow is accepted.';
COMMENT ON COLUMN federation_follower.key_id IS 'Which key it signed with.';
COMMENT ON COLUMN federation_follower.public_key IS
    'That key, in PEM: it is asked for no longer once an account has been deleted.';
COMMENT ON COLUMN federation_follower.follow IS 'Id of its Follow, by which an Undo may name it; empty: it had none.';
COMMENT ON COLUMN federation_follower.base_url IS
    'Under which address our actor was followed: it is part of all ids that this follower is told.';
COMMENT ON COLUMN federation_follower.followed_at IS 'Since when.';

COMMENT ON TABLE federation_block IS 'Hosts with which nothing is exchanged, nor with their subdomains.';
COMMENT ON COLUMN federation_block.host IS 'The host, in lower case.';
COMMENT ON COLUMN federation_block.blocked_at IS 'Since when.';

COMMENT ON TABLE federation_seen IS 'Signatures that were used: a request that comes twice is refused.';
COMMENT ON COLUMN federation_seen.digest IS 'SHA-256 of a signature.';
COMMENT ON COLUMN federation_seen.seen_at IS 'When it was used; kept for longer than a signature holds.';

COMMENT ON TABLE federation_change IS
    'What changed of what is public and is still to be looked at; written in the transaction of the change.';
COMMENT ON COLUMN federation_change.id IS 'Order in which they were written.';
COMMENT ON COLUMN federation_change.kind IS 'initiative or event.';
COMMENT ON COLUMN federation_change.subject IS 'Which one. No foreign key: it may be gone.';
COMMENT ON COLUMN federation_change.series IS 'The series of an event; null for an initiative.';
COMMENT ON COLUMN federation_change.is_bulk IS
    'One statement changed more than 50: what was never told of is no news then.';

COMMENT ON TABLE federation_note IS 'What other servers were told of.';
COMMENT ON COLUMN federation_note.kind IS 'initiative or event.';
COMMENT ON COLUMN federation_note.subject IS 'Which one. No foreign key: its removal has to be told.';
COMMENT ON COLUMN federation_note.owner IS
    'The actor that it was told as the work of, which never changes afterwards: others would not believe another.';
COMMENT ON COLUMN federation_note.digest IS 'SHA-256 of what was told last: an Update leaves when it differs.';
COMMENT ON COLUMN federation_note.version IS 'Counts what was told of it; part of the ids of its activities.';
COMMENT ON COLUMN federation_note.announced_at IS 'When it was told of first.';
COMMENT ON COLUMN federation_note.removed_at IS 'When its removal was told; null: it stands.';

COMMENT ON TABLE federation_told IS
    'Which inbox was told of what by which actor: who was told of it is told of its removal, still following or not.';
COMMENT ON COLUMN federation_told.kind IS 'initiative or event.';
COMMENT ON COLUMN federation_told.subject IS 'Which one.';
COMMENT ON COLUMN federation_told.inbox IS 'The inbox, mostly one that a server shares.';
COMMENT ON COLUMN federation_told.actor IS 'Who told: the owner, or an actor that announced it.';
COMMENT ON COLUMN federation_told.base_url IS 'The address that begins the ids that were told there.';

COMMENT ON TABLE federation_delivery IS
    'Activities on their way, one row for each inbox. What was taken, or given up, is no longer here.';
COMMENT ON COLUMN federation_delivery.id IS 'Order in which one inbox gets them.';
COMMENT ON COLUMN federation_delivery.inbox IS 'Where to.';
COMMENT ON COLUMN federation_delivery.key_id IS 'By which of our actors it is signed: the id of its key.';
COMMENT ON COLUMN federation_delivery.activity IS 'What is sent, as it is sent each time: JSON with its id.';
COMMENT ON COLUMN federation_delivery.created_at IS 'When it was written.';
COMMENT ON COLUMN federation_delivery.attempts IS 'How often a worker began to send it.';
COMMENT ON COLUMN federation_delivery.next_try_at IS 'From when it may be tried again.';
COMMENT ON COLUMN federation_delivery.give_up_at IS 'From when a refusal is the last one.';
COMMENT ON COLUMN federation_delivery.last_error IS 'Why it was not taken; empty: it was not tried yet.';
