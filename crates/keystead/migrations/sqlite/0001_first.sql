-- The first schema. The same tables with the same columns lie in ../postgres, where INTEGER is
-- BIGINT and BLOB is BYTEA. Times are Unix microseconds, flags are 0 or 1, lists are JSON texts.
-- `mac` covers every column of its row except those marked "not covered", which carry no authority.

CREATE TABLE installation (
    id                 INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    created_at         INTEGER NOT NULL,
    key_check          BLOB    NOT NULL,
    argon2_memory_kib  INTEGER,
    argon2_passes      INTEGER,
    argon2_lanes       INTEGER,
    argon2_salt        BLOB
) STRICT;

CREATE TABLE system_keys (
    name        TEXT    NOT NULL PRIMARY KEY,
    record      BLOB    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE organizations (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    key_record   BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    row_version  INTEGER NOT NULL,
    mac          BLOB    NOT NULL
) STRICT;

CREATE TABLE accounts (
    id            TEXT    NOT NULL PRIMARY KEY,
    key_record    BLOB    NOT NULL,
    email_record  BLOB    NOT NULL,
    email_hash    BLOB    NOT NULL UNIQUE,
    disabled      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    row_version   INTEGER NOT NULL,
    mac           BLOB    NOT NULL
) STRICT;

CREATE TABLE members (
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    account_id       TEXT    NOT NULL REFERENCES accounts (id),
    role             TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL,
    PRIMARY KEY (organization_id, account_id)
) STRICT;
CREATE INDEX members_by_account ON members (account_id);

CREATE TABLE api_tokens (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    account_id       TEXT    NOT NULL REFERENCES accounts (id),
    name             TEXT    NOT NULL,
    hash             BLOB    NOT NULL UNIQUE,
    scopes           TEXT    NOT NULL,
    expires_at       INTEGER,
    revoked          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL
) STRICT;
CREATE INDEX api_tokens_by_organization ON api_tokens (organization_id, id);

CREATE TABLE applications (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    name             TEXT    NOT NULL,
    client_id        TEXT    NOT NULL UNIQUE,
    public           INTEGER NOT NULL,
    origins          TEXT    NOT NULL,
    redirect_uris    TEXT    NOT NULL,
    addresses        TEXT    NOT NULL,
    disabled         INTEGER NOT NULL,
    pepper_record    BLOB    NOT NULL,
    created_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL
) STRICT;
CREATE INDEX applications_by_organization ON applications (organization_id, id);

CREATE TABLE client_secrets (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL,
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    hash             BLOB    NOT NULL UNIQUE,
    revoked          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL
) STRICT;
CREATE INDEX client_secrets_by_application ON client_secrets (application_id, id);

-- A key is of an organization's application, or in the vault of a person and of no organization.
CREATE TABLE keys (
    id                 TEXT    NOT NULL PRIMARY KEY,
    organization_id    TEXT    REFERENCES organizations (id),
    application_id     TEXT    REFERENCES applications (id),
    vault_id           TEXT,
    provider           TEXT    NOT NULL,
    name               TEXT    NOT NULL,
    scheme             TEXT    NOT NULL,
    host               TEXT    NOT NULL,
    port               INTEGER NOT NULL,
    path_prefix        TEXT    NOT NULL,
    explicit_endpoint  INTEGER NOT NULL,
    last4              TEXT    NOT NULL,
    disabled           INTEGER NOT NULL,
    version            INTEGER NOT NULL,
    max_version        INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    row_version        INTEGER NOT NULL,
    mac                BLOB    NOT NULL,
    -- Not covered: what the provider last said of the key. It informs, it allows nothing.
    status             TEXT    NOT NULL,
    checked_at         INTEGER
) STRICT;
CREATE INDEX keys_by_organization ON keys (organization_id, id);
CREATE INDEX keys_by_vault ON keys (vault_id, id);

-- Who can open a key's group key. The record guards itself: it opens in this row alone. `owner_id` is the
-- organization or the vault.
CREATE TABLE key_slots (
    key_id           TEXT NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    owner_id         TEXT NOT NULL,
    kind             TEXT NOT NULL,
    opener_id        TEXT NOT NULL,
    record           BLOB NOT NULL,
    PRIMARY KEY (key_id, kind, opener_id)
) STRICT;

CREATE TABLE key_versions (
    key_id           TEXT    NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    owner_id         TEXT    NOT NULL,
    n                INTEGER NOT NULL,
    record           BLOB    NOT NULL,
    created_at       INTEGER NOT NULL,
    retires_at       INTEGER,
    PRIMARY KEY (key_id, n)
) STRICT;
CREATE INDEX key_versions_by_retirement ON key_versions (retires_at);

-- The data key of each version, wrapped by the group key.
CREATE TABLE version_slots (
    key_id           TEXT    NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    owner_id         TEXT    NOT NULL,
    n                INTEGER NOT NULL,
    record           BLOB    NOT NULL,
    PRIMARY KEY (key_id, n)
) STRICT;

CREATE TABLE addons (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    handle           TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    key_id           TEXT,
    key_source       TEXT    NOT NULL,
    models           TEXT    NOT NULL,
    operations       TEXT    NOT NULL,
    allow            TEXT    NOT NULL,
    strict           INTEGER NOT NULL,
    disabled         INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL,
    UNIQUE (application_id, handle)
) STRICT;
CREATE INDEX addons_by_organization ON addons (organization_id, id);

CREATE TABLE tokens (
    id                TEXT    NOT NULL PRIMARY KEY,
    organization_id   TEXT    NOT NULL,
    application_id    TEXT    NOT NULL REFERENCES applications (id),
    hash              BLOB    NOT NULL UNIQUE,
    client_secret_id  TEXT,
    subject           BLOB    NOT NULL,
    scope             TEXT    NOT NULL,
    expires_at        INTEGER NOT NULL,
    revoked           INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    row_version       INTEGER NOT NULL,
    mac               BLOB    NOT NULL
) STRICT;
CREATE INDEX tokens_by_expiry ON tokens (expires_at);

-- Objects at a provider and the end user who caused them; `object` is a hash of kind and id.
-- `settled_by` is the call that the object's usage is booked on; no MAC covers what is only booked.
CREATE TABLE bindings (
    application_id   TEXT    NOT NULL,
    addon_id         TEXT    NOT NULL,
    key_id           TEXT    NOT NULL,
    object           BLOB    NOT NULL,
    organization_id  TEXT    NOT NULL,
    subject          BLOB    NOT NULL,
    expires_at       INTEGER NOT NULL,
    settled_by       TEXT,
    mac              BLOB    NOT NULL,
    PRIMARY KEY (application_id, addon_id, key_id, object)
) STRICT;
CREATE INDEX bindings_by_expiry ON bindings (expires_at);

-- A page holds one organization's attempts of a quarter of a second; `id` is its SHA-256.
CREATE TABLE usage_pages (
    id               BLOB    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL,
    from_at          INTEGER NOT NULL,
    until_at         INTEGER NOT NULL,
    attempts         INTEGER NOT NULL,
    page             BLOB    NOT NULL
) STRICT;
CREATE INDEX usage_pages_by_organization ON usage_pages (organization_id, until_at);

-- `canonical` is the encoding of the columns before it and the leaf of the Merkle tree.
CREATE TABLE audit_events (
    seq              INTEGER NOT NULL PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    at               INTEGER NOT NULL,
    organization_id  TEXT,
    actor            TEXT    NOT NULL,
    action           TEXT    NOT NULL,
    object           TEXT    NOT NULL,
    object_version   INTEGER,
    outcome          TEXT    NOT NULL,
    detail           TEXT    NOT NULL,
    canonical        BLOB    NOT NULL,
    leaf_hash        BLOB    NOT NULL,
    mac              BLOB    NOT NULL
) STRICT;
CREATE INDEX audit_events_by_organization ON audit_events (organization_id, seq);

CREATE TABLE audit_head (
    id        INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    size      INTEGER NOT NULL,
    root      BLOB    NOT NULL,
    frontier  BLOB    NOT NULL,
    mac       BLOB    NOT NULL
) STRICT;

CREATE TABLE change_seq (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  INTEGER NOT NULL
) STRICT;
INSERT INTO change_seq (id, seq) VALUES (1, 0);

CREATE TABLE changes (
    seq     INTEGER NOT NULL,
    object  TEXT    NOT NULL,
    cut     INTEGER NOT NULL,
    PRIMARY KEY (seq, object)
) STRICT;
