-- People's own provider keys: the vaults they lie in, what applications may do with them, and how a host's
-- user comes to enter one. The same tables lie in ../sqlite. As in the first schema, `mac` covers every
-- column of its row.

-- The provider that people bring keys for; null where the application brings them. Covered when it is set.
ALTER TABLE addons ADD COLUMN provider TEXT;

-- Of an account, or of one subject of one application: a host's end user who has no account.
CREATE TABLE vaults (
    id               TEXT    NOT NULL PRIMARY KEY,
    account_id       TEXT    UNIQUE REFERENCES accounts (id),
    organization_id  TEXT    REFERENCES organizations (id),
    application_id   TEXT    REFERENCES applications (id),
    subject          BYTEA,
    key_record       BYTEA    NOT NULL,
    created_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA    NOT NULL,
    UNIQUE (application_id, subject)
);

-- The permission of one application to use one key of a vault for one subject.
CREATE TABLE key_grants (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    subject          BYTEA    NOT NULL,
    provider         TEXT    NOT NULL,
    vault_id         TEXT    NOT NULL REFERENCES vaults (id),
    key_id           TEXT    NOT NULL,
    models           TEXT    NOT NULL,
    budgets          TEXT    NOT NULL,
    ends_at          BIGINT,
    paused           BIGINT NOT NULL,
    withdrawn        BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    given_at         BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA    NOT NULL,
    UNIQUE (application_id, subject, provider)
);
CREATE INDEX key_grants_by_vault ON key_grants (vault_id, id);
CREATE INDEX key_grants_by_key ON key_grants (key_id);

-- What a host's backend asked for, so that one user of its can enter a key. `hash` is of the link, and once
-- that was opened of what the browser has in its place. Nothing comes of a row that nobody confirms.
CREATE TABLE connect_links (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL,
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    addon_id         TEXT    NOT NULL,
    subject          BYTEA    NOT NULL,
    provider         TEXT    NOT NULL,
    return_to        TEXT    NOT NULL,
    state            TEXT,
    hash             BYTEA    NOT NULL UNIQUE,
    step             TEXT    NOT NULL,
    checks_left      BIGINT NOT NULL,
    key_id           TEXT,
    models           TEXT    NOT NULL,
    budgets          TEXT    NOT NULL,
    ends_at          BIGINT,
    code_hash        BYTEA    UNIQUE,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA    NOT NULL
);
CREATE INDEX connect_links_by_expiry ON connect_links (expires_at);
