-- Consents. The comments are in ../sqlite/0008_consents.sql.

CREATE TABLE consent_texts (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL REFERENCES organizations (id),
    application_id   TEXT   NOT NULL REFERENCES applications (id),
    version          BIGINT NOT NULL,
    texts            TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA  NOT NULL,
    UNIQUE (application_id, version)
);

CREATE TABLE consents (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL REFERENCES organizations (id),
    application_id   TEXT   NOT NULL REFERENCES applications (id),
    account_id       TEXT   REFERENCES accounts (id),
    subject          BYTEA  NOT NULL,
    version          BIGINT NOT NULL,
    language         TEXT   NOT NULL,
    hash             BYTEA  NOT NULL,
    given_at         BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA  NOT NULL
);
CREATE INDEX consents_by_subject ON consents (application_id, subject, id);
CREATE INDEX consents_by_account ON consents (account_id, id);
