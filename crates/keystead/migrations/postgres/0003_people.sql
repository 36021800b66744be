-- How people sign in. The comments are in ../sqlite/0003_people.sql.

ALTER TABLE organizations ADD COLUMN require_second_factor BIGINT NOT NULL DEFAULT 0;

-- The main application that this one is a development application of. Covered when it is set.
ALTER TABLE applications ADD COLUMN development_of TEXT REFERENCES applications (id);
CREATE INDEX applications_by_main ON applications (development_of);

CREATE TABLE sessions (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL REFERENCES organizations (id),
    account_id       TEXT   NOT NULL REFERENCES accounts (id),
    hash             BYTEA  NOT NULL UNIQUE,
    method           TEXT   NOT NULL,
    browser          TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    proved_at        BIGINT NOT NULL,
    ends_at          BIGINT NOT NULL,
    revoked          BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA  NOT NULL,
    -- Not covered: an edit keeps an idle session alive, up to `ends_at` at most.
    last_seen_at     BIGINT NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account_id, id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

CREATE TABLE passwords (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL UNIQUE REFERENCES accounts (id),
    memory_kib   BIGINT NOT NULL,
    passes       BIGINT NOT NULL,
    lanes        BIGINT NOT NULL,
    salt         BYTEA  NOT NULL,
    hash         BYTEA  NOT NULL,
    created_at   BIGINT NOT NULL,
    row_version  BIGINT NOT NULL,
    mac          BYTEA  NOT NULL
);

CREATE TABLE totps (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL UNIQUE REFERENCES accounts (id),
    record       BYTEA  NOT NULL,
    last_step    BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    row_version  BIGINT NOT NULL,
    mac          BYTEA  NOT NULL
);

CREATE TABLE recovery_codes (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL UNIQUE REFERENCES accounts (id),
    hashes       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    row_version  BIGINT NOT NULL,
    mac          BYTEA  NOT NULL
);

CREATE TABLE passkeys (
    id             TEXT   NOT NULL PRIMARY KEY,
    account_id     TEXT   NOT NULL REFERENCES accounts (id),
    rp_id          TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    credential     BYTEA  NOT NULL UNIQUE,
    record         BYTEA  NOT NULL,
    created_at     BIGINT NOT NULL,
    row_version    BIGINT NOT NULL,
    mac            BYTEA  NOT NULL,
    -- Not covered: it informs, it allows nothing.
    last_used_at   BIGINT 
);
CREATE INDEX passkeys_by_account ON passkeys (account_id, id);

CREATE TABLE identities (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES accounts (id),
    issuer       TEXT   NOT NULL,
    hash         BYTEA  NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    row_version  BIGINT NOT NULL,
    mac          BYTEA  NOT NULL
);
CREATE INDEX identities_by_account ON identities (account_id, id);

CREATE TABLE links (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT,
    kind             TEXT   NOT NULL,
    role             TEXT,
    email_record     BYTEA,
    made_by          TEXT,
    hash             BYTEA  NOT NULL UNIQUE,
    state            TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA  NOT NULL
);
CREATE INDEX links_by_organization ON links (organization_id, id);
CREATE INDEX links_by_expiry ON links (expires_at);

CREATE TABLE used_tickets (
    hash        BYTEA  NOT NULL PRIMARY KEY,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX used_tickets_by_expiry ON used_tickets (expires_at);

-- Requests that named themselves with an idempotency key. `name` and `body` are keyed hashes; `status`
-- is empty while the request runs, `answer` where it held a secret. No MAC: a row allows nothing.
CREATE TABLE idempotency (
    name        BYTEA   NOT NULL PRIMARY KEY,
    body        BYTEA   NOT NULL,
    status      BIGINT,
    answer      TEXT,
    created_at  BIGINT  NOT NULL
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);
