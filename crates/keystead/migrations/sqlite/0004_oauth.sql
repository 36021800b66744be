-- OAuth for applications: what people granted them, and the tokens that came of it. The same tables lie
-- in ../postgres. As in the first schema, `mac` covers every column of its row.

-- Whose tokens an application's users may exchange: issuer, audience, and where its keys are if it does
-- not say so itself. Covered when they are set, as `require_dpop` is.
ALTER TABLE applications ADD COLUMN issuer TEXT;
ALTER TABLE applications ADD COLUMN issuer_audience TEXT;
ALTER TABLE applications ADD COLUMN issuer_jwks TEXT;
ALTER TABLE applications ADD COLUMN require_dpop INTEGER NOT NULL DEFAULT 0;

-- The family that a token came of, the key (as its RFC 7638 thumbprint) that it is of no use without, and
-- whether the console minted it for a page of its own. Covered when they are set.
ALTER TABLE tokens ADD COLUMN family_id TEXT;
ALTER TABLE tokens ADD COLUMN jkt BLOB;
ALTER TABLE tokens ADD COLUMN console INTEGER NOT NULL DEFAULT 0;

-- What a person lets an application do for them. `account_id` is null for who is known by `subject` alone.
CREATE TABLE grants (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    account_id       TEXT    REFERENCES accounts (id),
    subject          BLOB    NOT NULL,
    scope            TEXT    NOT NULL,
    withdrawn        INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    given_at         INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL,
    UNIQUE (application_id, subject)
) STRICT;
CREATE INDEX grants_by_account ON grants (account_id, id);

-- A code is used once; `family_id` is what came of it.
CREATE TABLE authorization_codes (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL,
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    grant_id         TEXT    NOT NULL REFERENCES grants (id),
    hash             BLOB    NOT NULL UNIQUE,
    redirect_uri     TEXT    NOT NULL,
    challenge        BLOB    NOT NULL,
    scope            TEXT    NOT NULL,
    jkt              BLOB,
    family_id        TEXT,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL
) STRICT;
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at);

-- All that comes of one code: it ends as a whole.
CREATE TABLE token_families (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL,
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    grant_id         TEXT    NOT NULL REFERENCES grants (id),
    scope            TEXT    NOT NULL,
    jkt              BLOB,
    revoked          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL
) STRICT;
CREATE INDEX token_families_by_grant ON token_families (grant_id);
CREATE INDEX token_families_by_expiry ON token_families (expires_at);

-- Used ones stay as long as their family: one that comes again shows that somebody has a copy.
CREATE TABLE refresh_tokens (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL,
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    family_id        TEXT    NOT NULL REFERENCES token_families (id),
    hash             BLOB    NOT NULL UNIQUE,
    used             INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL
) STRICT;
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family_id);
