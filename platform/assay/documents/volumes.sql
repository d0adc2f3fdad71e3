-- How much came from a source on each of $days, and how much usually does. The tables hold those days and the observed days
-- that their usual values are of, and no other, so that a window of rows is a window of observed days.
with observed as (
    select
        source,
        day,
        count(*) filter (status = 'observed') as files,
        count(*) filter (status = 'refused') as refused,
        coalesce(sum(size_bytes) filter (status = 'observed'), 0) as size_bytes
    from manifests
    group by source, day
),
changes as (
    select
        source,
        day,
        count(*) filter (change = 'added') as added,
        count(*) filter (change = 'edited') as edited,
        count(*) filter (change = 'repermitted') as repermitted,
        count(*) filter (change = 'moved') as moved,
        count(*) filter (change = 'deleted') as deleted
    from feed
    group by source, day
),
emitted as (
    select source, day, count(*) as texts, avg(length(text)) as mean_characters
    from parsed
    group by source, day
),
held_back as (
    select source, day, count(*) as quarantined
    from quarantined
    group by source, day
),
counts as (
    select
        source,
        day,
        files,
        refused,
        size_bytes,
        coalesce(added, 0) as added,
        coalesce(edited, 0) as edited,
        coalesce(repermitted, 0) as repermitted,
        coalesce(moved, 0) as moved,
        coalesce(deleted, 0) as deleted,
        coalesce(texts, 0) as texts,
        coalesce(quarantined, 0) as quarantined,
        mean_characters
    from observed
    left join changes using (source, day)
    left join emitted using (source, day)
    left join held_back using (source, day)
),
shares as (
    select
        *,
        refused / nullif(files + refused, 0) as refused_share,
        (added + edited + repermitted) / nullif(files, 0) as changed_share,
        -- What was known before and stays, or goes; what moved stays. In a source of arrivals nothing was known.
        deleted / nullif(greatest(files - added, 0) + deleted, 0) as deleted_share,
        quarantined / nullif(texts + quarantined, 0) as quarantined_share
    from counts
),
usual as (
    select
        *,
        case when count(files) over earlier >= $least_days then median(files) over earlier end as usual_files,
        case when count(refused_share) over earlier >= $least_days
            then median(refused_share) over earlier end as usual_refused_share,
        case when count(changed_share) over earlier >= $least_days
            then median(changed_share) over earlier end as usual_changed_share,
        case when count(deleted_share) over earlier >= $least_days
            then median(deleted_share) over earlier end as usual_deleted_share,
        case when count(quarantined_share) over earlier >= $least_days
            then median(quarantined_share) over earlier end as usual_quarantined_share,
        case when count(mean_characters) over earlier >= $least_days
            then median(mean_characters) over earlier end as usual_mean_characters
    from shares
    window earlier as (partition by source order by day rows between $window_days preceding and 1 preceding)
)
select * from usual where day in (select unnest($days::date[])) order by source, day
