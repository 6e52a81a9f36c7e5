-- One row: what the outbox is, how much there was, and the next free numbers.
-- Numbers are never given twice, also not after their rows were forgotten: send keys are made from them.
CREATE TABLE outbox (
    id                  INTEGER PRIMARY KEY CHECK (id = 1),
    name                TEXT NOT NULL,
    closed              INTEGER NOT NULL DEFAULT 0,
    next_event          INTEGER NOT NULL DEFAULT 1,
    next_delivery       INTEGER NOT NULL DEFAULT 1,
    next_claim          INTEGER NOT NULL DEFAULT 1,
    planned             INTEGER NOT NULL DEFAULT 0,
    delivered           INTEGER NOT NULL DEFAULT 0,
    filtered            INTEGER NOT NULL DEFAULT 0,
    dead                INTEGER NOT NULL DEFAULT 0,
    dropped             INTEGER NOT NULL DEFAULT 0,
    pending             INTEGER NOT NULL DEFAULT 0,
    repeats             INTEGER NOT NULL DEFAULT 0,
    possible_duplicates INTEGER NOT NULL DEFAULT 0,
    held                INTEGER NOT NULL DEFAULT 0
);
INSERT INTO outbox (id, name) VALUES (1, lower(hex(randomblob(16))));

CREATE TABLE realms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE channels (id INTEGER PRIMARY KEY, instance TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (instance, key));

CREATE TABLE lanes (id INTEGER PRIMARY KEY, source INTEGER NOT NULL, target INTEGER NOT NULL, UNIQUE (source, target));

CREATE TABLE frames (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, json TEXT NOT NULL);

-- An event that was accepted. Its text lies apart, so that these rows stay small and forgetting a text frees its pages.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY,
    state      INTEGER NOT NULL,             -- 0 planned, 1 filtered, 2 held
    channel    INTEGER NOT NULL,
    received   INTEGER NOT NULL,             -- milliseconds since 1970
    key        BLOB NOT NULL,                -- its row in ids
    message_id TEXT NOT NULL,
    text       INTEGER,                      -- hash of its text
    incomplete INTEGER NOT NULL,
    files      INTEGER NOT NULL,             -- how many attachments it has
    first      INTEGER NOT NULL DEFAULT 0,   -- its first delivery; the others follow without a gap
    deliveries INTEGER NOT NULL DEFAULT 0,   -- how many they are
    notes      TEXT                          -- a JSON list: why nobody got it, what could not be had
);
CREATE INDEX held_events ON events (seq) WHERE state = 2;

CREATE TABLE bodies (seq INTEGER PRIMARY KEY, json TEXT NOT NULL);

CREATE TABLE deliveries (
    id         INTEGER PRIMARY KEY,
    seq        INTEGER NOT NULL,
    lane       INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    state      INTEGER NOT NULL DEFAULT 0,   -- 0 pending, 1 delivered, 2 filtered, 3 dead, 4 dropped
    frame      INTEGER NOT NULL,
    others     TEXT,                         -- further candidate frames, as a JSON list of numbers
    attempts   INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER,
    waited     INTEGER NOT NULL DEFAULT 0,
    revived    INTEGER,                      -- when it was taken from the dead letters
    ended      INTEGER,
    cut        INTEGER NOT NULL DEFAULT 0,   -- how many rows it has in parts
    realm      INTEGER,                      -- of its copies
    copies     TEXT,                         -- the copies' ids, one per line
    place      TEXT,                         -- the channel the platform named, where it is not the target's key
    note       TEXT                          -- the last error, or the reason of its end
);
CREATE INDEX pending_deliveries ON deliveries (lane, position) WHERE state = 0;
CREATE INDEX dead_deliveries ON deliveries (id) WHERE state = 3;

CREATE TABLE parts (
    delivery INTEGER NOT NULL,
    part     INTEGER NOT NULL,
    json     TEXT NOT NULL,
    sent     TEXT,
    PRIMARY KEY (delivery, part)
) WITHOUT ROWID;

-- Every message id that is known: the first 16 bytes of a key name a message, the others say as what it is known.
CREATE TABLE ids (
    key      BLOB PRIMARY KEY,
    seq      INTEGER NOT NULL,
    delivery INTEGER
) WITHOUT ROWID;

-- Copies that arrived without an id, to be recognised by their text.
CREATE TABLE claims (
    id       INTEGER PRIMARY KEY,
    text     INTEGER NOT NULL,               -- hash of realm, channel and text
    delivery INTEGER NOT NULL,
    at       INTEGER NOT NULL
);

-- Files in the spool, and the events that still need them.
CREATE TABLE files (seq INTEGER NOT NULL, file TEXT NOT NULL, PRIMARY KEY (seq, file)) WITHOUT ROWID;
CREATE INDEX file_users ON files (file);

CREATE TABLE cursors (
    instance TEXT NOT NULL,
    name     TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (instance, name)
) WITHOUT ROWID;
