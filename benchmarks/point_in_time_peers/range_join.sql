-- Every visible row of a label's key, ranked: the definition of the join, and what offline stores run on a warehouse.
WITH ranked AS (
    SELECT
        labels.label,
        log."row",
        log.amount,
        log.is_deleted OR log.event_ts < labels.label_ts - $ttl AS is_absent,
        row_number() OVER (
            PARTITION BY labels.label
            ORDER BY log.event_ts DESC, log.available_at DESC, log.seq DESC
        ) AS place
    FROM labels
    JOIN log
        ON log.key = labels.key
        AND log.event_ts <= labels.label_ts
        AND log.available_at <= labels.label_ts
)

SELECT
    labels.label,
    CASE WHEN NOT ranked.is_absent THEN ranked."row" END AS "row",
    CASE WHEN NOT ranked.is_absent THEN ranked.amount END AS amount
FROM labels
LEFT JOIN ranked ON ranked.label = labels.label AND ranked.place = 1
ORDER BY labels.label
