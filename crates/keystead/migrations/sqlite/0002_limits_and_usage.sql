-- Limits, and the ledger summed. Sums bear no MAC: who can write here can as well delete pages.

-- What was used on one day or in one hour (UTC, counted from 1970), of one key by one AddOn for one
-- operation and model. '' where there is no key or model. `requests` are attempts that may have done
-- work; `cost_micro_usd` is of rows whose model has a price, `unpriced_micro_usd` of the others.
CREATE TABLE usage_days (
    organization_id     TEXT    NOT NULL,
    day                 INTEGER NOT NULL,
    application_id      TEXT    NOT NULL,
    addon_id            TEXT    NOT NULL,
    key_id              TEXT    NOT NULL,
    provider            TEXT    NOT NULL,
    operation           TEXT    NOT NULL,
    model               TEXT    NOT NULL,
    attempts            INTEGER NOT NULL,
    requests            INTEGER NOT NULL,
    failed              INTEGER NOT NULL,
    estimated           INTEGER NOT NULL,
    unpriced            INTEGER NOT NULL,
    input_tokens        INTEGER NOT NULL,
    cached_tokens       INTEGER NOT NULL,
    cache_write_tokens  INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    reasoning_tokens    INTEGER NOT NULL,
    characters          INTEGER NOT NULL,
    images              INTEGER NOT NULL,
    seconds             INTEGER NOT NULL,
    transactions        INTEGER NOT NULL,
    credits_milli       INTEGER NOT NULL,
    cost_micro_usd      INTEGER NOT NULL,
    unpriced_micro_usd  INTEGER NOT NULL,
    PRIMARY KEY (organization_id, day, application_id, addon_id, key_id, provider, operation, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_days_by_application ON usage_days (organization_id, application_id, day);
CREATE INDEX usage_days_by_addon ON usage_days (organization_id, addon_id, day);
CREATE INDEX usage_days_by_key ON usage_days (organization_id, key_id, day);

CREATE TABLE usage_hours (
    organization_id     TEXT    NOT NULL,
    hour                INTEGER NOT NULL,
    application_id      TEXT    NOT NULL,
    addon_id            TEXT    NOT NULL,
    key_id              TEXT    NOT NULL,
    provider            TEXT    NOT NULL,
    operation           TEXT    NOT NULL,
    model               TEXT    NOT NULL,
    attempts            INTEGER NOT NULL,
    requests            INTEGER NOT NULL,
    failed              INTEGER NOT NULL,
    estimated           INTEGER NOT NULL,
    unpriced            INTEGER NOT NULL,
    input_tokens        INTEGER NOT NULL,
    cached_tokens       INTEGER NOT NULL,
    cache_write_tokens  INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    reasoning_tokens    INTEGER NOT NULL,
    characters          INTEGER NOT NULL,
    images              INTEGER NOT NULL,
    seconds             INTEGER NOT NULL,
    transactions        INTEGER NOT NULL,
    credits_milli       INTEGER NOT NULL,
    cost_micro_usd      INTEGER NOT NULL,
    unpriced_micro_usd  INTEGER NOT NULL,
    PRIMARY KEY (organization_id, hour, application_id, addon_id, key_id, provider,
        operation, model)
) STRICT, WITHOUT ROWID;

-- The same for one provider, application, AddOn, key or model alone: `kind` says which. Each kind adds
-- up to everything.
CREATE TABLE usage_shares (
    organization_id     TEXT    NOT NULL,
    day                 INTEGER NOT NULL,
    kind                TEXT    NOT NULL,
    name                TEXT    NOT NULL,
    attempts            INTEGER NOT NULL,
    requests            INTEGER NOT NULL,
    failed              INTEGER NOT NULL,
    estimated           INTEGER NOT NULL,
    unpriced            INTEGER NOT NULL,
    input_tokens        INTEGER NOT NULL,
    cached_tokens       INTEGER NOT NULL,
    cache_write_tokens  INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    reasoning_tokens    INTEGER NOT NULL,
    characters          INTEGER NOT NULL,
    images              INTEGER NOT NULL,
    seconds             INTEGER NOT NULL,
    transactions        INTEGER NOT NULL,
    credits_milli       INTEGER NOT NULL,
    cost_micro_usd      INTEGER NOT NULL,
    unpriced_micro_usd  INTEGER NOT NULL,
    PRIMARY KEY (organization_id, kind, day, name)
) STRICT, WITHOUT ROWID;

-- The same for one end user, on one day. By day first, for what is written lies together then, and
-- SQLite does not take the key for the way to a subject.
CREATE TABLE usage_subjects (
    organization_id     TEXT    NOT NULL,
    day                 INTEGER NOT NULL,
    application_id      TEXT    NOT NULL,
    addon_id            TEXT    NOT NULL,
    subject             BLOB    NOT NULL,
    attempts            INTEGER NOT NULL,
    requests            INTEGER NOT NULL,
    failed              INTEGER NOT NULL,
    estimated           INTEGER NOT NULL,
    unpriced            INTEGER NOT NULL,
    input_tokens        INTEGER NOT NULL,
    cached_tokens       INTEGER NOT NULL,
    cache_write_tokens  INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    reasoning_tokens    INTEGER NOT NULL,
    characters          INTEGER NOT NULL,
    images              INTEGER NOT NULL,
    seconds             INTEGER NOT NULL,
    transactions        INTEGER NOT NULL,
    credits_milli       INTEGER NOT NULL,
    cost_micro_usd      INTEGER NOT NULL,
    unpriced_micro_usd  INTEGER NOT NULL,
    PRIMARY KEY (day, organization_id, application_id, addon_id, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_subjects_by_subject ON usage_subjects (subject, day);

-- A page holds attempts of one day (UTC), so it lies in the span of its first attempt. `until_at` is
-- when the last of them ended.
CREATE INDEX usage_pages_by_time ON usage_pages (organization_id, from_at);

-- `whole_from`: the ledger holds every attempt from then on; what is older may have been deleted.
-- `summed`: whether the pages of before these tables have been added up.
CREATE TABLE usage_ledger (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    whole_from  INTEGER NOT NULL,
    summed      INTEGER NOT NULL
) STRICT;
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
    first_day        INTEGER NOT NULL,
    end_day          INTEGER NOT NULL,
    wishes           INTEGER NOT NULL,
    PRIMARY KEY (organization_id, holder, unit, period, first_day)
) STRICT;

-- What each process may take of a budget without asking. No MAC: a lease only withholds.
CREATE TABLE budget_leases (
    organization_id  TEXT   NOT NULL,
    holder           TEXT   NOT NULL,
    unit             TEXT   NOT NULL,
    period           TEXT   NOT NULL,
    first_day        INTEGER NOT NULL,
    process          TEXT   NOT NULL,
    amount           INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, holder, unit, period, first_day, process)
) STRICT;
CREATE INDEX budget_leases_by_process ON budget_leases (process);

-- What was estimated when the object was made, until its usage is told.
ALTER TABLE bindings ADD COLUMN estimate BLOB;

-- Refused calls and sign-ins, counted by minute (since 1970), application and code. Organization and
-- application are empty where nobody known was refused. No MAC: a row allows nothing.
CREATE TABLE refusals (
    organization_id  TEXT    NOT NULL,
    minute           INTEGER NOT NULL,
    application_id   TEXT    NOT NULL,
    code             TEXT    NOT NULL,
    count            INTEGER NOT NULL,
    PRIMARY KEY (organization_id, minute, application_id, code)
) STRICT;
CREATE INDEX refusals_by_minute ON refusals (minute);
