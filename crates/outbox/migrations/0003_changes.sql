-- What people do to a message after it was said.
ALTER TABLE events ADD COLUMN parent TEXT;                         -- the channel that its channel belongs to
ALTER TABLE events ADD COLUMN about INTEGER;                       -- the event that it changes
ALTER TABLE events ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;  -- the message is gone: no copy is to come
ALTER TABLE deliveries ADD COLUMN amends INTEGER;                  -- the delivery whose copies it changes

-- The changes of a message, and those of a copy that are still to be made.
CREATE INDEX changes ON events (about) WHERE about IS NOT NULL;
CREATE INDEX pending_changes ON deliveries (amends) WHERE state = 0 AND amends IS NOT NULL;

-- Who reacted to a message, and where: a bot shows each emoji once for all of them.
CREATE TABLE reactions (
    seq     INTEGER NOT NULL,  -- the message's event
    emoji   TEXT NOT NULL,
    channel INTEGER NOT NULL,  -- where it was given
    who     TEXT NOT NULL,
    at      INTEGER NOT NULL,  -- the reaction's event: later ones are newer
    PRIMARY KEY (seq, emoji, channel, who)
) WITHOUT ROWID;
