-- People, what lets them in, and their roles.

COMMENT ON TABLE person IS 'What a person gives us, and nothing else. After erasure only the id and dates stay.';
COMMENT ON COLUMN person.id IS 'Random identifier (UUID version 4).';
COMMENT ON COLUMN person.email IS 'Where mail goes; null once erased.';
COMMENT ON COLUMN person.email_key IS 'One for each mailbox: lower case, without +tag; null once erased.';
COMMENT ON COLUMN person.name IS 'Shown publicly; may be empty.';
COMMENT ON COLUMN person.locale IS 'Language of mail to the person: two letters, such as fr.';
COMMENT ON COLUMN person.commune IS
    'INSEE code that the person gave for the local share of counts; null: none given.';
COMMENT ON COLUMN person.created_at IS 'When the address was first typed.';
COMMENT ON COLUMN person.confirmed_at IS 'When a mailed link was first used; null: nothing counts yet.';
COMMENT ON COLUMN person.last_seen_at IS 'When the person was last here, to within an hour; null: never, or erased.';
COMMENT ON COLUMN person.erased_at IS 'When the account was erased; null: it was not.';
COMMENT ON COLUMN person.slug IS
    'Names the public page of an author who chose to have one (/organisations/…); null: none.';

COMMENT ON TABLE token IS 'What a mailed link stands for. It works once.';
COMMENT ON COLUMN token.digest IS 'SHA-256 of its 256 random bits, which are in the mail alone.';
COMMENT ON COLUMN token.purpose IS 'What the link does.';
COMMENT ON COLUMN token.person IS 'Who was mailed it.';
COMMENT ON COLUMN token.email IS 'Where the link was mailed: using it proves that address, and no other.';
COMMENT ON COLUMN token.subject IS
    'What it is about, such as an initiative; null for nothing. No foreign key, as it may be anything.';
COMMENT ON COLUMN token.payload IS 'What the purpose needs: an object.';
COMMENT ON COLUMN token.created_at IS 'When it was made.';
COMMENT ON COLUMN token.expires_at IS 'Until when it works.';
COMMENT ON COLUMN token.used_at IS 'When it was used; null: not yet.';

COMMENT ON TABLE session IS 'Who is signed in.';
COMMENT ON COLUMN session.digest IS 'SHA-256 of the secret in the cookie.';
COMMENT ON COLUMN session.person IS 'Who it is.';
COMMENT ON COLUMN session.created_at IS 'When it began.';
COMMENT ON COLUMN session.last_used_at IS 'When it was last used, to within an hour.';
COMMENT ON COLUMN session.expires_at IS 'When it ends, unless it is used before.';
COMMENT ON COLUMN session.second_factor_at IS
    'When the second factor was last shown in it; null: never.';

COMMENT ON TABLE second_factor IS 'Codes of an authenticator (TOTP, RFC 6238) that some sign in with besides their link.';
COMMENT ON COLUMN second_factor.person IS 'Whose it is.';
COMMENT ON COLUMN second_factor.secret IS 'The shared secret, encrypted with the key of the service.';
COMMENT ON COLUMN second_factor.made_at IS 'When it was shown to be taken over.';
COMMENT ON COLUMN second_factor.confirmed_at IS 'When a code of it was first right; null: it asks for nothing yet.';
COMMENT ON COLUMN second_factor.last_step IS 'Number of the half minute whose code was last used: none works twice.';
COMMENT ON COLUMN second_factor.spare IS 'SHA-256 of the spare codes that are left; each works once.';

COMMENT ON TABLE api_token IS 'Keys for tools. Their secret is shown once; only its digest is kept.';
COMMENT ON COLUMN api_token.id IS 'Random identifier (UUID version 4).';
COMMENT ON COLUMN api_token.person IS 'Whose rights the key has.';
COMMENT ON COLUMN api_token.form IS 'Made with the form: sent twice, it makes one key.';
COMMENT ON COLUMN api_token.name IS 'What its owner calls it.';
COMMENT ON COLUMN api_token.prefix IS 'The first signs of the key, to tell keys apart.';
COMMENT ON COLUMN api_token.digest IS 'SHA-256 of the key.';
COMMENT ON COLUMN api_token.scopes IS 'What it may be used for, in no order.';
COMMENT ON COLUMN api_token.created_at IS 'When it was made.';
COMMENT ON COLUMN api_token.expires_at IS 'Until when it works.';
COMMENT ON COLUMN api_token.last_used_on IS
    'The day it was last used; null: never. By the day alone: nobody needs to know the hours of a person.';

COMMENT ON TABLE role_grant IS 'The roles that people have now, and where.';
COMMENT ON COLUMN role_grant.person IS 'Who has it.';
COMMENT ON COLUMN role_grant.role IS 'coordinator, moderator or admin.';
COMMENT ON COLUMN role_grant.level IS
    'commune, epci, departement or region; country for an admin: everywhere, and what is placed nowhere.';
COMMENT ON COLUMN role_grant.code IS
    'Code of the territory; empty for country. No foreign key: it may change with a later year of the COG.';
COMMENT ON COLUMN role_grant.granted_at IS 'When it was granted.';

COMMENT ON TABLE role_log IS 'Every grant of a role and every end of one. Nobody can change it.';
COMMENT ON COLUMN role_log.id IS 'Order in which it happened.';
COMMENT ON COLUMN role_log.at IS 'When.';
COMMENT ON COLUMN role_log.act IS
    'grant, revoke, erase (ended with the account) or lapse (the address was never confirmed, and the purge took '
    'its row).';
COMMENT ON COLUMN role_log.person IS 'Whose role; no foreign key.';
COMMENT ON COLUMN role_log.role IS 'As in role_grant.';
COMMENT ON COLUMN role_log.level IS 'As in role_grant.';
COMMENT ON COLUMN role_log.code IS 'As in role_grant.';
COMMENT ON COLUMN role_log.by_person IS 'Who did it; null without an account, and for a lapse. No foreign key.';
COMMENT ON COLUMN role_log.by_name IS
    'Who did it without an account: the command line, the shared password; else empty.';

COMMENT ON TABLE tally IS
    'How often something was tried within a window of time, for limits that hold across workers. Unlogged: a '
    'crash of the database empties it.';
COMMENT ON COLUMN tally.key IS 'Keyed digest of what is counted, so that no network address is kept.';
COMMENT ON COLUMN tally.ends_at IS 'End of the window.';
COMMENT ON COLUMN tally.count IS 'How often in that window.';
