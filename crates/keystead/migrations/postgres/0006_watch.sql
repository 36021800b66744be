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
