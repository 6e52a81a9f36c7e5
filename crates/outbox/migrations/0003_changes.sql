-- What people do to a message after it was said.
ALTER TABLE events ADD COLUMN parent TEXT;                         -- the channel that its channel belongs to
ALTER TABLE events ADD COLUMN about INTEGER;                       -- the event that it changes
ALTER TABLE events ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;  -- the message is gone: no copy is to come
ALTER TABLE deliveries ADD COLUMN amends INTEGER;                  -- the delivery whose copies it changes

-- Who reacted to a message, and where: a bot shows each emoji once for all of them.
CREATE TABLE reactions (
    seq     INTEGER NOT NULL,  -- the message's event
    emoji   TEXT NOT NULL,
    channel INTEGER NOT NULL,  -- where it was given
    who     TEXT NOT NULL,
    at      INTEGER NOT NULL,  -- the reaction's event: later ones are newer
    PRIMARY KEY (seq, emoji, channel, who)
) WITHOUT ROWID;
