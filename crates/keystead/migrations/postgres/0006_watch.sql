-- What watches: alerts, the state of their rules, address ranges. No MAC on any of these: whoever can
-- write here can as well delete, and that an alert was raised is on the audit log.

-- One row a finding; finding it again counts, so that a loop of reads fills no disk. It is open from
-- `opened_at` until a person acknowledges it, and again when it is found after that. `organization_id`
-- is empty for what is the whole installation's.
CREATE TABLE alerts (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL,
    kind             TEXT   NOT NULL,
    place            TEXT   NOT NULL,
    object           TEXT   NOT NULL,
    first_at         BIGINT NOT NULL,
    last_at          BIGINT NOT NULL,
    count            BIGINT NOT NULL,
    opened_at        BIGINT NOT NULL,
    acknowledged_at  BIGINT,
    acknowledged_by  TEXT,
    froze            TEXT,
    UNIQUE (kind, place, object)
);
CREATE INDEX alerts_by_organization ON alerts (organization_id, id);

-- What a rule last said of an object, so that it says it once: a day, a version.
CREATE TABLE watch_marks (
    rule    TEXT   NOT NULL,
    object  TEXT   NOT NULL,
    mark    TEXT   NOT NULL,
    PRIMARY KEY (rule, object)
);

-- Whence an application is called: keyed hashes of /24 and /48 prefixes, never an address.
CREATE TABLE address_ranges (
    organization_id  TEXT   NOT NULL,
    application_id   TEXT   NOT NULL,
    hash             BYTEA NOT NULL,
    first_at         BIGINT NOT NULL,
    PRIMARY KEY (application_id, hash)
);

-- What an organization has said of its alerts, under its row's MAC: '' for nothing, else JSON.
ALTER TABLE organizations ADD COLUMN alert_rules TEXT NOT NULL DEFAULT '';

-- Where an organization's alerts are told, and what that is signed with, sealed.
CREATE TABLE webhooks (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL REFERENCES organizations (id),
    url              TEXT   NOT NULL,
    record           BYTEA NOT NULL,
    created_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA NOT NULL
);
CREATE INDEX webhooks_by_organization ON webhooks (organization_id, id);

-- What is told, once it is due, until it was taken or given up. `body` holds ids and stable words.
CREATE TABLE deliveries (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL,
    webhook_id       TEXT   NOT NULL,
    alert_id         TEXT   NOT NULL,
    body             TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    state            TEXT   NOT NULL,
    attempts         BIGINT NOT NULL,
    due_at           BIGINT NOT NULL,
    answer           TEXT   NOT NULL
);
CREATE INDEX deliveries_by_state ON deliveries (state, due_at);
CREATE INDEX deliveries_by_organization ON deliveries (organization_id, id);

-- Decoys: what looks like a token or a key, opens nothing, and is told when somebody presents it.
CREATE TABLE decoys (
    id               TEXT   NOT NULL PRIMARY KEY,
    organization_id  TEXT   NOT NULL REFERENCES organizations (id),
    application_id   TEXT,
    name             TEXT   NOT NULL,
    form             TEXT   NOT NULL,
    hash             BYTEA NOT NULL UNIQUE,
    created_at       BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    mac              BYTEA NOT NULL
);
CREATE INDEX decoys_by_organization ON decoys (organization_id, id);

-- The last backup that was made of this store; none before there was one. It is for the security report.
CREATE TABLE last_backup (
    id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    backup_id  TEXT   NOT NULL,
    made_at    BIGINT NOT NULL
);
