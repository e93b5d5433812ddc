-- Mail that leaves.

COMMENT ON TABLE delivery IS 'Outgoing mail, written in the transaction of what it tells of, and what became of it.';
COMMENT ON COLUMN delivery.id IS 'Random identifier (UUID version 4).';
COMMENT ON COLUMN delivery.message_id IS 'Message-ID with its angle brackets, the same on every attempt.';
COMMENT ON COLUMN delivery.kind IS 'Which letter it is.';
COMMENT ON COLUMN delivery.person IS 'Who it is for; null for addresses of nobody here.';
COMMENT ON COLUMN delivery.sender IS 'From.';
COMMENT ON COLUMN delivery.recipient IS 'To.';
COMMENT ON COLUMN delivery.subject IS 'Subject.';
COMMENT ON COLUMN delivery.text IS 'Body as plain text. Emptied some days after the mail has left.';
COMMENT ON COLUMN delivery.html IS 'Body as HTML. Emptied some days after the mail has left.';
COMMENT ON COLUMN delivery.headers IS 'Further headers: an object of names and values.';
COMMENT ON COLUMN delivery.created_at IS 'When it was written.';
COMMENT ON COLUMN delivery.state IS 'queued, sending, sent or failed.';
COMMENT ON COLUMN delivery.attempts IS 'How often it was tried.';
COMMENT ON COLUMN delivery.next_try_at IS 'Not tried again before then.';
COMMENT ON COLUMN delivery.give_up_at IS 'A temporary refusal is tried again until then.';
COMMENT ON COLUMN delivery.last_error IS 'What the server said last; empty where nothing failed.';
COMMENT ON COLUMN delivery.sent_at IS 'When the server took it; null unless sent.';
COMMENT ON COLUMN delivery.renderer IS
    'Who writes its words at the moment when it is sent, from the state of things then; empty: they are written.';
COMMENT ON COLUMN delivery.payload IS 'What that writer needs to know.';
