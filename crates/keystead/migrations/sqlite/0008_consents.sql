-- What people agree to before an application gets anything of theirs, and that they did. The same tables
-- lie in ../postgres. As in the first schema, `mac` covers every column of its row.

-- The texts of one version, language by language. A version is never edited: what was agreed to stays as
-- it was.
CREATE TABLE consent_texts (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    version          INTEGER NOT NULL,
    texts            TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL,
    UNIQUE (application_id, version)
) STRICT;

-- That somebody agreed: to which version, in which language, and the hash of the text as they read it.
-- Version 0 is the text that Keystead brings along. `account_id` is null for who is known by `subject` alone.
CREATE TABLE consents (
    id               TEXT    NOT NULL PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    application_id   TEXT    NOT NULL REFERENCES applications (id),
    account_id       TEXT    REFERENCES accounts (id),
    subject          BLOB    NOT NULL,
    version          INTEGER NOT NULL,
    language         TEXT    NOT NULL,
    hash             BLOB    NOT NULL,
    given_at         INTEGER NOT NULL,
    row_version      INTEGER NOT NULL,
    mac              BLOB    NOT NULL
) STRICT;
CREATE INDEX consents_by_subject ON consents (application_id, subject, id);
CREATE INDEX consents_by_account ON consents (account_id, id);
