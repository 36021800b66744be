-- How people sign in. The same tables lie in ../postgres. As in the first schema, `mac` covers every
-- column of its row except those marked "not covered".

-- Covered when it is set: rows from before it keep their MACs.
ALTER TABLE organizations ADD COLUMN require_second_factor INTEGER NOT NULL DEFAULT 0;

-- The main application that this one is a development application of. Covered when it is set.
ALTER TABLE applications ADD COLUMN development_of TEXT REFERENCES applications (id);
CREATE INDEX applications_by_main ON applications (development_of);

CREATE TABLE sessions (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    account_id       TEXT    NOT NULL REFERENCES accounts (id),
    hash             BLOB    NOT NULL UNIQUE,
    method           TEXT    NOT NULL,
    browser          TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    proved_at        INTEGER NOT NULL,
    ends_at          INTEGER NOT NULL,
    revoked          INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL,
    -- Not covered: an edit keeps an idle session alive, up to `ends_at` at most.
    last_seen_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_account ON sessions (account_id, id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- `hash` is a keyed hash of what Argon2id gives: without the root key there is nothing to guess at.
CREATE TABLE passwords (
    id           TEXT    NOT NULL PRIMARY KEY,
    account_id   TEXT    NOT NULL UNIQUE REFERENCES accounts (id),
    memory_kib   INTEGER NOT NULL,
    passes       INTEGER NOT NULL,
    lanes        INTEGER NOT NULL,
    salt         BLOB    NOT NULL,
    hash         BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    row_version  INTEGER NOT NULL,
    mac          BLOB    NOT NULL
) STRICT;

-- `last_step` is the time step of the last code that was taken: none is taken twice.
CREATE TABLE totps (
    id           TEXT    NOT NULL PRIMARY KEY,
    account_id   TEXT    NOT NULL UNIQUE REFERENCES accounts (id),
    record       BLOB    NOT NULL,
    last_step    INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    row_version  INTEGER NOT NULL,
    mac          BLOB    NOT NULL
) STRICT;

-- `hashes` is a JSON list of the keyed hashes of the codes that are left.
CREATE TABLE recovery_codes (
    id           TEXT    NOT NULL PRIMARY KEY,
    account_id   TEXT    NOT NULL UNIQUE REFERENCES accounts (id),
    hashes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    row_version  INTEGER NOT NULL,
    mac          BLOB    NOT NULL
) STRICT;

CREATE TABLE passkeys (
    id             TEXT    NOT NULL PRIMARY KEY,
    account_id     TEXT    NOT NULL REFERENCES accounts (id),
    rp_id          TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    credential     BLOB    NOT NULL UNIQUE,
    record         BLOB    NOT NULL,
    created_at     INTEGER NOT NULL,
    row_version    INTEGER NOT NULL,
    mac            BLOB    NOT NULL,
    -- Not covered: it informs, it allows nothing.
    last_used_at   INTEGER
) STRICT;
CREATE INDEX passkeys_by_account ON passkeys (account_id, id);

-- Who an account is at an OpenID provider: `hash` is a keyed hash of issuer and subject.
CREATE TABLE identities (
    id           TEXT    NOT NULL PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES accounts (id),
    issuer       TEXT    NOT NULL,
    hash         BLOB    NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    row_version  INTEGER NOT NULL,
    mac          BLOB    NOT NULL
) STRICT;
CREATE INDEX identities_by_account ON identities (account_id, id);

-- Single-use links: the set-up link, of no organization, and invitations.
CREATE TABLE links (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT,
    kind             TEXT    NOT NULL,
    role             TEXT,
    email_record     BLOB,
    made_by          TEXT,
    hash             BLOB    NOT NULL UNIQUE,
    state            TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL
) STRICT;
CREATE INDEX links_by_organization ON links (organization_id, id);
CREATE INDEX links_by_expiry ON links (expires_at);

-- Tickets that forms carry and that were used: none is taken twice. No MAC: a row only withholds.
CREATE TABLE used_tickets (
    hash        BLOB    NOT NULL PRIMARY KEY,
    expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX used_tickets_by_expiry ON used_tickets (expires_at);

-- Requests that named themselves with an idempotency key. `name` and `body` are keyed hashes; `status`
-- is empty while the request runs, `answer` where it held a secret. No MAC: a row allows nothing.
CREATE TABLE idempotency (
    name        BLOB    NOT NULL PRIMARY KEY,
    body        BLOB    NOT NULL,
    status      INTEGER,
    answer      TEXT,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_by_age ON idempotency (created_at);
