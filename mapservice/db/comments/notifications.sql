-- Digests and letters.

COMMENT ON TABLE follower IS 'Who gets digests: at most one a day, whatever the number of their subscriptions.';
COMMENT ON COLUMN follower.person IS 'Who it is.';
COMMENT ON COLUMN follower.id IS 'Random identifier (UUID version 4), part of the links that end digests.';
COMMENT ON COLUMN follower.leave_key IS
    'Signs the links that end digests: they must work for years, and outlive the key of the service.';
COMMENT ON COLUMN follower.base_url IS 'Where links start when no public address is set.';
COMMENT ON COLUMN follower.told_on IS
    'Last day, in Paris, that was dealt with; that of the first subscription at first.';

COMMENT ON COLUMN follower.by_mail IS
    'Whether digests come by mail too where a device gets notifications; without a device they come by mail.';

COMMENT ON TABLE push_endpoint IS 'Devices on which followers get notifications instead of mails, or beside them.';
COMMENT ON COLUMN push_endpoint.id IS 'Random identifier (UUID version 4).';
COMMENT ON COLUMN push_endpoint.person IS 'Whose device it is.';
COMMENT ON COLUMN push_endpoint.endpoint IS
    'Address of the push service of the browser''s vendor, which knows the device; https and public.';
COMMENT ON COLUMN push_endpoint.p256dh IS 'Public key of the browser: an uncompressed point of P-256.';
COMMENT ON COLUMN push_endpoint.auth IS 'Secret shared with the browser, for encryption.';
COMMENT ON COLUMN push_endpoint.created_at IS 'When it was added.';

COMMENT ON TABLE push_message IS
    'Notifications on their way, one for each device. What was taken, or given up, is no longer here.';
COMMENT ON COLUMN push_message.id IS 'Random identifier (UUID version 4).';
COMMENT ON COLUMN push_message.endpoint IS 'The device.';
COMMENT ON COLUMN push_message.digest IS 'The same for all devices that are told the same. No foreign key.';
COMMENT ON COLUMN push_message.payload IS 'What is shown: JSON with title, body, url, lang and tag.';
COMMENT ON COLUMN push_message.instead IS
    'The mail that leaves if no device can be reached; null: none, as it was sent, or a device was reached.';
COMMENT ON COLUMN push_message.created_at IS 'When it was written.';
COMMENT ON COLUMN push_message.attempts IS 'How often a worker began to send it.';
COMMENT ON COLUMN push_message.next_try_at IS 'From when it may be tried again.';
COMMENT ON COLUMN push_message.give_up_at IS 'From when a refusal is the last one.';
COMMENT ON COLUMN push_message.last_error IS 'Why it was not taken; empty: it was not tried yet.';

COMMENT ON TABLE subscription IS 'What a follower follows.';
COMMENT ON COLUMN subscription.id IS 'Random identifier (UUID version 4).';
COMMENT ON COLUMN subscription.person IS 'Whose it is.';
COMMENT ON COLUMN subscription.filter IS 'Canonical query string of the filter grammar; empty: everything.';
COMMENT ON COLUMN subscription.area IS
    'Drawn area, longitude and latitude (EPSG:4326), of up to 100 corners; null: no area was drawn.';
COMMENT ON COLUMN subscription.created_at IS 'When it was made.';
COMMENT ON COLUMN subscription.told_until IS
    'Its person knows all whose state_since is earlier: a harvest_horizon().';

COMMENT ON TABLE digest IS 'Each subscription and day that was dealt with, written with the mail: never twice.';
COMMENT ON COLUMN digest.subscription IS 'The subscription.';
COMMENT ON COLUMN digest.day IS 'The day, in Paris.';
COMMENT ON COLUMN digest.news IS 'How many initiatives were new; 0: there was nothing to mail.';

COMMENT ON TABLE briefing_reader IS
    'Who gets the letter of the week: whoever has a role, once the job of the letters has seen them.';
COMMENT ON COLUMN briefing_reader.person IS 'Who it is.';
COMMENT ON COLUMN briefing_reader.id IS 'Random identifier (UUID version 4), part of the link that ends the letters.';
COMMENT ON COLUMN briefing_reader.leave_key IS
    'Signs the link that ends the letters: it must outlive the key of the service.';
COMMENT ON COLUMN briefing_reader.told_on IS
    'The Monday, in Paris, up to which all is told; moved in the transaction that writes the mail.';
COMMENT ON COLUMN briefing_reader.quiet_weeks IS 'How many weeks without anything to tell lie behind.';
COMMENT ON COLUMN briefing_reader.left_at IS 'Since when they want no letters; null: they get them.';

COMMENT ON TABLE initiative_subscription IS 'Initiatives that people follow, each by itself.';
COMMENT ON COLUMN initiative_subscription.id IS 'Identifier.';
COMMENT ON COLUMN initiative_subscription.person IS 'Who follows.';
COMMENT ON COLUMN initiative_subscription.initiative IS 'What is followed; of what is merged, the one that it leads to.';
COMMENT ON COLUMN initiative_subscription.created_at IS 'Since when.';

COMMENT ON TABLE post_due IS 'What followers of an initiative are still to be told: the digest takes it out.';
COMMENT ON COLUMN post_due.person IS 'Whom to tell.';
COMMENT ON COLUMN post_due.post IS 'What was published.';
