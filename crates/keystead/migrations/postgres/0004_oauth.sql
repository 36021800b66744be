-- OAuth for applications. The comments are in ../sqlite/0004_oauth.sql.

ALTER TABLE applications ADD COLUMN issuer TEXT;
ALTER TABLE applications ADD COLUMN issuer_audience TEXT;
ALTER TABLE applications ADD COLUMN issuer_jwks TEXT;
ALTER TABLE applications ADD COLUMN require_dpop BIGINT NOT NULL DEFAULT 0;

ALTER TABLE tokens ADD COLUMN family_id TEXT;
ALTER TABLE tokens ADD COLUMN jkt BYTEA;
ALTER TABLE tokens ADD COLUMN console BIGINT NOT NULL DEFAULT 0;

CREATE TABLE grants (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL REFERENCES organizations (id),
    application_id   TEXT   NOT NULL REFERENCES applications (id),
    account_id       TEXT   REFERENCES accounts (id),
    subject          BYTEA  NOT NULL,
    scope            TEXT   NOT NULL,
    withdrawn        BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    given_at         BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA  NOT NULL,
    UNIQUE (application_id, subject)
);
CREATE INDEX grants_by_account ON grants (account_id, id);

CREATE TABLE authorization_codes (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL,
    application_id   TEXT   NOT NULL REFERENCES applications (id),
    grant_id         TEXT   NOT NULL REFERENCES grants (id),
    hash             BYTEA  NOT NULL UNIQUE,
    redirect_uri     TEXT   NOT NULL,
    challenge        BYTEA  NOT NULL,
    scope            TEXT   NOT NULL,
    jkt              BYTEA,
    family_id        TEXT,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA  NOT NULL
);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at);

CREATE TABLE token_families (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL,
    application_id   TEXT   NOT NULL REFERENCES applications (id),
    grant_id         TEXT   NOT NULL REFERENCES grants (id),
    scope            TEXT   NOT NULL,
    jkt              BYTEA,
    revoked          BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA  NOT NULL
);
CREATE INDEX token_families_by_grant ON token_families (grant_id);
CREATE INDEX token_families_by_expiry ON token_families (expires_at);

CREATE TABLE refresh_tokens (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL,
    application_id   TEXT   NOT NULL REFERENCES applications (id),
    family_id        TEXT   NOT NULL REFERENCES token_families (id),
    hash             BYTEA  NOT NULL UNIQUE,
    used             BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA  NOT NULL
);
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family_id);
