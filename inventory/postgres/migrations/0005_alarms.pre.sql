-- What is or was wrong, one row each time: at most one is open per kind and subject. `subject` names what it is about by
-- codes. The numbers of kinds and severities are the API's.
CREATE TABLE alarm (
    alarm_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind smallint NOT NULL,
    subject jsonb NOT NULL,
    severity smallint NOT NULL,
    summary text NOT NULL,
    details jsonb NOT NULL,
    opened_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    closed_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note text,
    CONSTRAINT alarm_kind_is_known CHECK (kind BETWEEN 1 AND 11),
    CONSTRAINT alarm_severity_is_known CHECK (severity BETWEEN 1 AND 3),
    CONSTRAINT alarm_acknowledged_is_whole CHECK (
        (acknowledged_at IS NULL) = (acknowledged_by IS NULL) AND (acknowledged_at IS NULL) = (note IS NULL)
    )
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX alarm_open ON alarm (kind, subject) WHERE closed_at IS NULL;
CREATE INDEX alarm_by_time ON alarm (opened_at, alarm_id);
CREATE INDEX alarm_closed ON alarm (kind, subject, closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX alarm_closed_by_time ON alarm (closed_at) WHERE closed_at IS NOT NULL;

-- The alarms' part of the feed: each as it was after it was opened, acknowledged or closed (event 1, 2, 3). Append-only.
CREATE TABLE alarm_version (
    revision bigint NOT NULL,
    alarm_id uuid NOT NULL,
    event smallint NOT NULL,
    kind smallint NOT NULL,
    subject jsonb NOT NULL,
    severity smallint NOT NULL,
    summary text NOT NULL,
    details jsonb NOT NULL,
    opened_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    closed_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (revision, alarm_id),
    CONSTRAINT alarm_version_event_is_known CHECK (event BETWEEN 1 AND 3)
);
CREATE INDEX alarm_version_by_alarm ON alarm_version (alarm_id, revision);
CREATE TRIGGER alarm_version_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alarm_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- How far each kind of look has come. Its row's lock says who looks: any number of replicas may want to. `sku_id` and
-- `location_id`: the last level of a round through all of them; null: there is no round.
CREATE TABLE alarm_cursor (
    name text PRIMARY KEY,
    revision bigint NOT NULL,
    sku_id bigint,
    location_id integer
) WITH (fillfactor = 10);
INSERT INTO alarm_cursor (name, revision, sku_id, location_id)
SELECT name, feed_head.revision, round, round
FROM feed_head, (VALUES ('looks', NULL), ('stock', 0), ('invariants', 0), ('webhook', NULL)) AS named (name, round);

-- Servers that serve, or did. `seen_at`: its last heartbeat; `left_at`: it stopped in order.
CREATE TABLE replica (
    replica_id uuid PRIMARY KEY,
    address text NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    left_at timestamptz
) WITH (fillfactor = 70);

-- When a channel was last heard of, at whatever replica; only of channels that may be silent for so long and no longer.
CREATE TABLE channel_heard (
    channel_id integer PRIMARY KEY REFERENCES channel,
    heard_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- selling_stopped: it is silent, and sells nothing until it is heard of again.
ALTER TABLE channel
    ADD COLUMN silent_after interval,
    ADD COLUMN stop_selling_when_silent boolean NOT NULL DEFAULT false,
    ADD COLUMN selling_stopped boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT channel_silent_after_positive CHECK (silent_after > '0'),
    ADD CONSTRAINT channel_stopped_as_it_is_set CHECK (
        NOT selling_stopped OR (stop_selling_when_silent AND silent_after IS NOT NULL)
    );
ALTER TABLE channel_version
    ADD COLUMN silent_after interval,
    ADD COLUMN stop_selling_when_silent boolean NOT NULL DEFAULT false,
    ADD COLUMN selling_stopped boolean NOT NULL DEFAULT false;

-- What is to be told to the webhook: a queue. notice_id is for whoever gets it twice. While one replica tells it,
-- next_at lies behind the time that takes.
CREATE TABLE alarm_notice (
    notice_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    alarm_id uuid NOT NULL,
    revision bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL,
    next_at timestamptz NOT NULL,
    delivered_at timestamptz,
    given_up_at timestamptz,
    CONSTRAINT alarm_notice_is_one UNIQUE (alarm_id, revision)
) WITH (fillfactor = 70);
CREATE INDEX alarm_notice_due ON alarm_notice (next_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX alarm_notice_pending ON alarm_notice (alarm_id, revision) WHERE delivered_at IS NULL AND given_up_at IS NULL;

-- The webhook's journal: every attempt and what came of it. `code` is the HTTP status, `error` what kind of failure there
-- was instead; next_at: when it is tried again, null when it isn't. Append-only.
CREATE TABLE alarm_delivery (
    notice_id uuid NOT NULL,
    attempt integer NOT NULL,
    alarm_id uuid NOT NULL,
    attempted_at timestamptz NOT NULL,
    code smallint,
    error text,
    next_at timestamptz,
    delivered_at timestamptz,
    PRIMARY KEY (notice_id, attempt)
);
CREATE INDEX alarm_delivery_by_time ON alarm_delivery (attempted_at, notice_id, attempt);
CREATE INDEX alarm_delivery_by_alarm ON alarm_delivery (alarm_id, attempted_at);
CREATE TRIGGER alarm_delivery_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alarm_delivery
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
