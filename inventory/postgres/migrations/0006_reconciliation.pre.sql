-- What came of comparing a channel's numbers with the ledger. kind: 1 available to sell, 2 available, 3 on hand.
-- state: 1 open, 2 finished, 3 unfinished. Kept for 90 days.
CREATE TABLE reconciliation (
    reconciliation_id uuid PRIMARY KEY,
    channel_id integer NOT NULL REFERENCES channel,
    kind smallint NOT NULL,
    state smallint NOT NULL DEFAULT 1,
    reference text NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    heard_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    equal bigint NOT NULL DEFAULT 0,
    behind bigint NOT NULL DEFAULT 0,
    drift bigint NOT NULL DEFAULT 0,
    unknown bigint NOT NULL DEFAULT 0,
    missing bigint NOT NULL DEFAULT 0,
    settings_changed bigint NOT NULL DEFAULT 0,
    kept integer NOT NULL DEFAULT 0,
    revision bigint NOT NULL DEFAULT 0,
    CONSTRAINT reconciliation_kind_is_known CHECK (kind BETWEEN 1 AND 3),
    CONSTRAINT reconciliation_state_is_known CHECK (state BETWEEN 1 AND 3),
    CONSTRAINT reconciliation_ended_has_a_time CHECK ((state = 1) = (ended_at IS NULL)),
    CONSTRAINT reconciliation_keeps_what_differs CHECK (kept BETWEEN 0 AND behind + drift + unknown + missing)
) WITH (fillfactor = 70);
CREATE INDEX reconciliation_by_channel ON reconciliation (channel_id, reconciliation_id);
CREATE INDEX reconciliation_by_time ON reconciliation (begun_at);
CREATE INDEX reconciliation_open ON reconciliation (heard_at) WHERE state = 1;

-- Answers that are not "equal", in the order of the stream. position: of the channel's row; null: it named none.
-- answer: 2 behind, 3 drift, 4 unknown, 5 missing. present: the number when it was compared; was: at the revision seen.
CREATE TABLE reconciliation_row (
    reconciliation_id uuid NOT NULL REFERENCES reconciliation,
    number integer NOT NULL,
    position bigint,
    sku text COLLATE "C" NOT NULL,
    location text COLLATE "C" NOT NULL,
    answer smallint NOT NULL,
    given bigint NOT NULL,
    present bigint NOT NULL,
    was bigint,
    differs_since bigint NOT NULL,
    settings_changed boolean NOT NULL,
    PRIMARY KEY (reconciliation_id, number),
    CONSTRAINT reconciliation_row_answer_is_known CHECK (answer BETWEEN 2 AND 5)
);
CREATE TYPE judged_row AS (
    number integer, position bigint, sku text, location text, answer smallint, given bigint, present bigint,
    was bigint, differs_since bigint, settings_changed boolean
);
