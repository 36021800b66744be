-- People's own provider keys: the vaults they lie in, what applications may do with them, and how a host's
-- user comes to enter one. The same tables lie in ../postgres. As in the first schema, `mac` covers every
-- column of its row.

-- The provider that people bring keys for; null where the application brings them. Covered when it is set.
ALTER TABLE addons ADD COLUMN provider TEXT;

-- Of an account, or of one subject of one application: a host's end user who has no account.
CREATE TABLE vaults (
    id               TEXT    NOT NULL PRIMARY KEY,
    account_id       TEXT    UNIQUE REFERENCES accounts (id),
    organization_id  TEXT    REFERENCES organizations (id),
    application_id   TEXT    REFERENCES applications (id),
    subject          BLOB,
    key_record       BLOB    NOT NULL,
    created_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL,
    UNIQUE (application_id, subject)
) STRICT;

-- The permission of one application to use one key of a vault for one subject.
CREATE TABLE key_grants (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    subject          BLOB    NOT NULL,
    provider         TEXT    NOT NULL,
    vault_id         TEXT    NOT NULL REFERENCES vaults (id),
    key_id           TEXT    NOT NULL,
    models           TEXT    NOT NULL,
    budgets          TEXT    NOT NULL,
    ends_at          INTEGER,
    paused           INTEGER NOT NULL,
    withdrawn        INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    given_at         INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL,
    UNIQUE (application_id, subject, provider)
) STRICT;
CREATE INDEX key_grants_by_vault ON key_grants (vault_id, id);
CREATE INDEX key_grants_by_key ON key_grants (key_id);

-- What a host's backend asked for, so that one user of its can enter a key. `hash` is of the link, and once
-- that was opened of what the browser has in its place. Nothing comes of a row that nobody confirms.
CREATE TABLE connect_links (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL,
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    addon_id         TEXT    NOT NULL,
    subject          BLOB    NOT NULL,
    provider         TEXT    NOT NULL,
    return_to        TEXT    NOT NULL,
    state            TEXT,
    hash             BLOB    NOT NULL UNIQUE,
    step             TEXT    NOT NULL,
    checks_left      INTEGER NOT NULL,
    key_id           TEXT,
    models           TEXT    NOT NULL,
    budgets          TEXT    NOT NULL,
    ends_at          INTEGER,
    code_hash        BLOB    UNIQUE,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL
) STRICT;
CREATE INDEX connect_links_by_expiry ON connect_links (expires_at);
