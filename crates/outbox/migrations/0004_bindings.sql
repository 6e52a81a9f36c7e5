-- Accounts of several platforms that are one person's.
CREATE TABLE accounts (
    realm    TEXT NOT NULL,
    id       TEXT NOT NULL,
    username TEXT NOT NULL,
    person   INTEGER NOT NULL,
    at       INTEGER NOT NULL,  -- when it was bound, in milliseconds since 1970
    json     TEXT NOT NULL,
    PRIMARY KEY (realm, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX people ON accounts (person, realm);
CREATE INDEX account_names ON accounts (realm, username);

-- Codes that accounts were told, one for each.
CREATE TABLE codes (
    realm      TEXT NOT NULL,
    id         TEXT NOT NULL,
    json       TEXT NOT NULL,     -- the account
    told_in    TEXT NOT NULL,     -- the channel's key, in the instance of the account
    code       BLOB NOT NULL,     -- SHA-256 of the outbox' name and the code
    until      INTEGER NOT NULL,
    used_realm TEXT,              -- the account that confirmed it
    used_id    TEXT,
    PRIMARY KEY (realm, id)
) WITHOUT ROWID;

-- Wrong codes, by who said them.
CREATE TABLE wrong_codes (realm TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX wrong_codes_of ON wrong_codes (realm, id, at);
