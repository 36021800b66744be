-- The first schema. The same tables with the same columns lie in ../sqlite, where BIGINT is
-- INTEGER and BYTEA is BLOB. Times are Unix microseconds, flags are 0 or 1, lists are JSON texts.
-- `mac` covers every column of its row except those marked "not covered", which carry no authority.

CREATE TABLE installation (
    id                 BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    created_at         BIGINT NOT NULL,
    key_check          BYTEA    NOT NULL,
    argon2_memory_kib  BIGINT,
    argon2_passes      BIGINT,
    argon2_lanes       BIGINT,
    argon2_salt        BYTEA
);

CREATE TABLE system_keys (
    name        TEXT    NOT NULL PRIMARY KEY,
    record      BYTEA    NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE organizations (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    key_record   BYTEA    NOT NULL,
    created_at   BIGINT NOT NULL,
    row_version  BIGINT NOT NULL,
    mac          BYTEA    NOT NULL
);

CREATE TABLE accounts (
    id            TEXT    NOT NULL PRIMARY KEY,
    key_record    BYTEA    NOT NULL,
    email_record  BYTEA    NOT NULL,
    email_hash    BYTEA    NOT NULL UNIQUE,
    disabled      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    row_version   BIGINT NOT NULL,
    mac           BYTEA    NOT NULL
);

CREATE TABLE members (
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    account_id       TEXT    NOT NULL REFERENCES accounts (id),
    role             TEXT    NOT NULL,
    created_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA    NOT NULL,
    PRIMARY KEY (organization_id, account_id)
);
CREATE INDEX members_by_account ON members (account_id);

CREATE TABLE api_tokens (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    account_id       TEXT    NOT NULL REFERENCES accounts (id),
    name             TEXT    NOT NULL,
    hash             BYTEA    NOT NULL UNIQUE,
    scopes           TEXT    NOT NULL,
    expires_at       BIGINT,
    revoked          BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA    NOT NULL
);
CREATE INDEX api_tokens_by_organization ON api_tokens (organization_id, id);

CREATE TABLE applications (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    name             TEXT    NOT NULL,
    client_id        TEXT    NOT NULL UNIQUE,
    public           BIGINT NOT NULL,
    origins          TEXT    NOT NULL,
    redirect_uris    TEXT    NOT NULL,
    addresses        TEXT    NOT NULL,
    disabled         BIGINT NOT NULL,
    pepper_record    BYTEA    NOT NULL,
    created_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA    NOT NULL
);
CREATE INDEX applications_by_organization ON applications (organization_id, id);

CREATE TABLE client_secrets (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL,
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    hash             BYTEA    NOT NULL UNIQUE,
    revoked          BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA    NOT NULL
);
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
    port               BIGINT NOT NULL,
    path_prefix        TEXT    NOT NULL,
    explicit_endpoint  BIGINT NOT NULL,
    last4              TEXT    NOT NULL,
    disabled           BIGINT NOT NULL,
    version            BIGINT NOT NULL,
    max_version        BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    row_version        BIGINT NOT NULL,
    mac                BYTEA    NOT NULL,
    -- Not covered: what the provider last said of the key. It informs, it allows nothing.
    status             TEXT    NOT NULL,
    checked_at         BIGINT
);
CREATE INDEX keys_by_organization ON keys (organization_id, id);
CREATE INDEX keys_by_vault ON keys (vault_id, id);

-- Who can open a key's group key. The record guards itself: it opens in this row alone. `owner_id` is the
-- organization or the vault.
CREATE TABLE key_slots (
    key_id           TEXT NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    owner_id         TEXT NOT NULL,
    kind             TEXT NOT NULL,
    opener_id        TEXT NOT NULL,
    record           BYTEA NOT NULL,
    PRIMARY KEY (key_id, kind, opener_id)
);

CREATE TABLE key_versions (
    key_id           TEXT    NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    owner_id         TEXT    NOT NULL,
    n                BIGINT NOT NULL,
    record           BYTEA    NOT NULL,
    created_at       BIGINT NOT NULL,
    retires_at       BIGINT,
    PRIMARY KEY (key_id, n)
);
CREATE INDEX key_versions_by_retirement ON key_versions (retires_at);

-- The data key of each version, wrapped by the group key.
CREATE TABLE version_slots (
    key_id           TEXT    NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    owner_id         TEXT    NOT NULL,
    n                BIGINT NOT NULL,
    record           BYTEA    NOT NULL,
    PRIMARY KEY (key_id, n)
);

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
    strict           BIGINT NOT NULL,
    disabled         BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA    NOT NULL,
    UNIQUE (application_id, handle)
);
CREATE INDEX addons_by_organization ON addons (organization_id, id);

CREATE TABLE tokens (
    id                TEXT    NOT NULL PRIMARY KEY,
    organization_id   TEXT    NOT NULL,
    application_id    TEXT    NOT NULL REFERENCES applications (id),
    hash              BYTEA    NOT NULL UNIQUE,
    client_secret_id  TEXT,
    subject           BYTEA    NOT NULL,
    scope             TEXT    NOT NULL,
    expires_at        BIGINT NOT NULL,
    revoked           BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    row_version       BIGINT NOT NULL,
    mac               BYTEA    NOT NULL
);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);

-- Objects at a provider and the end user who caused them; `object` is a hash of kind and id.
-- `settled_by` is the call that the object's usage is booked on; no MAC covers what is only booked.
CREATE TABLE bindings (
    application_id   TEXT    NOT NULL,
    addon_id         TEXT    NOT NULL,
    key_id           TEXT    NOT NULL,
    object           BYTEA    NOT NULL,
    organization_id  TEXT    NOT NULL,
    subject          BYTEA    NOT NULL,
    expires_at       BIGINT NOT NULL,
    settled_by       TEXT,
    mac              BYTEA    NOT NULL,
    PRIMARY KEY (application_id, addon_id, key_id, object)
);
CREATE INDEX bindings_by_expiry ON bindings (expires_at);

-- A page holds one organization's attempts of a quarter of a second; `id` is its SHA-256.
CREATE TABLE usage_pages (
    id               BYTEA    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL,
    from_at          BIGINT  NOT NULL,
    until_at         BIGINT  NOT NULL,
    attempts         BIGINT  NOT NULL,
    page             BYTEA    NOT NULL
);
CREATE INDEX usage_pages_by_organization ON usage_pages (organization_id, until_at);

-- `canonical` is the encoding of the columns before it and the leaf of the Merkle tree.
CREATE TABLE audit_events (
    seq              BIGINT NOT NULL PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    at               BIGINT NOT NULL,
    organization_id  TEXT,
    actor            TEXT    NOT NULL,
    action           TEXT    NOT NULL,
    object           TEXT    NOT NULL,
    object_version   BIGINT,
    outcome          TEXT    NOT NULL,
    detail           TEXT    NOT NULL,
    canonical        BYTEA    NOT NULL,
    leaf_hash        BYTEA    NOT NULL,
    mac              BYTEA    NOT NULL
);
CREATE INDEX audit_events_by_organization ON audit_events (organization_id, seq);

CREATE TABLE audit_head (
    id        BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    size      BIGINT NOT NULL,
    root      BYTEA    NOT NULL,
    frontier  BYTEA    NOT NULL,
    mac       BYTEA    NOT NULL
);

CREATE TABLE change_seq (
    id   BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  BIGINT NOT NULL
);
INSERT INTO change_seq (id, seq) VALUES (1, 0);

CREATE TABLE changes (
    seq     BIGINT NOT NULL,
    object  TEXT    NOT NULL,
    cut     BIGINT NOT NULL,
    PRIMARY KEY (seq, object)
);
