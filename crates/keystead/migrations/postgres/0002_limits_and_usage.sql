-- Limits, and the ledger summed. The comments are in ../sqlite/0002_limits_and_usage.sql.

CREATE TABLE usage_days (
    organization_id     TEXT   NOT NULL,
    day                 BIGINT NOT NULL,
    application_id      TEXT   NOT NULL,
    addon_id            TEXT   NOT NULL,
    key_id              TEXT   NOT NULL,
    provider            TEXT   NOT NULL,
    operation           TEXT   NOT NULL,
    model               TEXT   NOT NULL,
    attempts            BIGINT NOT NULL,
    requests            BIGINT NOT NULL,
    failed              BIGINT NOT NULL,
    estimated           BIGINT NOT NULL,
    unpriced            BIGINT NOT NULL,
    input_tokens        BIGINT NOT NULL,
    cached_tokens       BIGINT NOT NULL,
    cache_write_tokens  BIGINT NOT NULL,
    output_tokens       BIGINT NOT NULL,
    reasoning_tokens    BIGINT NOT NULL,
    characters          BIGINT NOT NULL,
    images              BIGINT NOT NULL,
    seconds             BIGINT NOT NULL,
    transactions        BIGINT NOT NULL,
    credits_milli       BIGINT NOT NULL,
    cost_micro_usd      BIGINT NOT NULL,
    unpriced_micro_usd  BIGINT NOT NULL,
    PRIMARY KEY (organization_id, day, application_id, addon_id, key_id, provider, operation, model)
);
CREATE INDEX usage_days_by_application ON usage_days (organization_id, application_id, day);
CREATE INDEX usage_days_by_addon ON usage_days (organization_id, addon_id, day);
CREATE INDEX usage_days_by_key ON usage_days (organization_id, key_id, day);

CREATE TABLE usage_hours (
    organization_id     TEXT   NOT NULL,
    hour                BIGINT NOT NULL,
    application_id      TEXT   NOT NULL,
    addon_id            TEXT   NOT NULL,
    key_id              TEXT   NOT NULL,
    provider            TEXT   NOT NULL,
    operation           TEXT   NOT NULL,
    model               TEXT   NOT NULL,
    attempts            BIGINT NOT NULL,
    requests            BIGINT NOT NULL,
    failed              BIGINT NOT NULL,
    estimated           BIGINT NOT NULL,
    unpriced            BIGINT NOT NULL,
    input_tokens        BIGINT NOT NULL,
    cached_tokens       BIGINT NOT NULL,
    cache_write_tokens  BIGINT NOT NULL,
    output_tokens       BIGINT NOT NULL,
    reasoning_tokens    BIGINT NOT NULL,
    characters          BIGINT NOT NULL,
    images              BIGINT NOT NULL,
    seconds             BIGINT NOT NULL,
    transactions        BIGINT NOT NULL,
    credits_milli       BIGINT NOT NULL,
    cost_micro_usd      BIGINT NOT NULL,
    unpriced_micro_usd  BIGINT NOT NULL,
    PRIMARY KEY (organization_id, hour, application_id, addon_id, key_id, provider,
        operation, model)
);

CREATE TABLE usage_shares (
    organization_id     TEXT   NOT NULL,
    day                 BIGINT NOT NULL,
    kind                TEXT   NOT NULL,
    name                TEXT   NOT NULL,
    attempts            BIGINT NOT NULL,
    requests            BIGINT NOT NULL,
    failed              BIGINT NOT NULL,
    estimated           BIGINT NOT NULL,
    unpriced            BIGINT NOT NULL,
    input_tokens        BIGINT NOT NULL,
    cached_tokens       BIGINT NOT NULL,
    cache_write_tokens  BIGINT NOT NULL,
    output_tokens       BIGINT NOT NULL,
    reasoning_tokens    BIGINT NOT NULL,
    characters          BIGINT NOT NULL,
    images              BIGINT NOT NULL,
    seconds             BIGINT NOT NULL,
    transactions        BIGINT NOT NULL,
    credits_milli       BIGINT NOT NULL,
    cost_micro_usd      BIGINT NOT NULL,
    unpriced_micro_usd  BIGINT NOT NULL,
    PRIMARY KEY (organization_id, kind, day, name)
);

CREATE TABLE usage_subjects (
    organization_id     TEXT   NOT NULL,
    day                 BIGINT NOT NULL,
    application_id      TEXT   NOT NULL,
    addon_id            TEXT   NOT NULL,
    subject             BYTEA  NOT NULL,
    attempts            BIGINT NOT NULL,
    requests            BIGINT NOT NULL,
    failed              BIGINT NOT NULL,
    estimated           BIGINT NOT NULL,
    unpriced            BIGINT NOT NULL,
    input_tokens        BIGINT NOT NULL,
    cached_tokens       BIGINT NOT NULL,
    cache_write_tokens  BIGINT NOT NULL,
    output_tokens       BIGINT NOT NULL,
    reasoning_tokens    BIGINT NOT NULL,
    characters          BIGINT NOT NULL,
    images              BIGINT NOT NULL,
    seconds             BIGINT NOT NULL,
    transactions        BIGINT NOT NULL,
    credits_milli       BIGINT NOT NULL,
    cost_micro_usd      BIGINT NOT NULL,
    unpriced_micro_usd  BIGINT NOT NULL,
    PRIMARY KEY (day, organization_id, application_id, addon_id, subject)
);
CREATE INDEX usage_subjects_by_subject ON usage_subjects (subject, day);

CREATE INDEX usage_pages_by_time ON usage_pages (organization_id, from_at);

CREATE TABLE usage_ledger (
    id          BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    whole_from  BIGINT NOT NULL,
    summed      BIGINT NOT NULL
);
INSERT INTO usage_ledger (id, whole_from, summed) VALUES (1, 0, 0);

-- Rules of an object are a field of its row, under its MAC: `` for none, else JSON.
ALTER TABLE organizations ADD COLUMN limits TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN limits TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN limits TEXT NOT NULL DEFAULT '';
ALTER TABLE addons ADD COLUMN limits TEXT NOT NULL DEFAULT '';

-- One row a budget and day or month; whoever leases locks it, so that two never lease at once.
CREATE TABLE budgets (
    organization_id  TEXT   NOT NULL,
    holder           TEXT   NOT NULL,
    unit             TEXT   NOT NULL,
    period           TEXT   NOT NULL,
    first_day        BIGINT NOT NULL,
    end_day          BIGINT NOT NULL,
    wishes           BIGINT NOT NULL,
    PRIMARY KEY (organization_id, holder, unit, period, first_day)
);

-- What each process may take of a budget without asking. No MAC: a lease only withholds.
CREATE TABLE budget_leases (
    organization_id  TEXT   NOT NULL,
    holder           TEXT   NOT NULL,
    unit             TEXT   NOT NULL,
    period           TEXT   NOT NULL,
    first_day        BIGINT NOT NULL,
    process          TEXT   NOT NULL,
    amount           BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    PRIMARY KEY (organization_id, holder, unit, period, first_day, process)
);
CREATE INDEX budget_leases_by_process ON budget_leases (process);

-- What was estimated when the object was made, until its usage is told.
ALTER TABLE bindings ADD COLUMN estimate BYTEA;

-- Refused calls and sign-ins, counted by minute (since 1970), application and code. Organization and
-- application are empty where nobody known was refused. No MAC: a row allows nothing.
CREATE TABLE refusals (
    organization_id  TEXT    NOT NULL,
    minute           BIGINT  NOT NULL,
    application_id   TEXT    NOT NULL,
    code             TEXT    NOT NULL,
    count            BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, minute, application_id, code)
);
CREATE INDEX refusals_by_minute ON refusals (minute);
