-- The JSON of every event of `events`, in its order, as its producer writes it in the version that it knows.
with written as (
    select *, strftime(event_ts, '%Y-%m-%dT%H:%M:%S.%fZ') as written_at
    from events
)
select
    case event_type
        when 'viewer_heartbeat' then
            case schema_version
                when 1 then to_json({
                    event_id: event_id, event_type: event_type, schema_version: schema_version, event_ts: written_at,
                    viewer_id: viewer_id, stream_id: stream_id, creator_id: creator_id, bitrate_kbps: amount
                })
                else to_json({
                    event_id: event_id, event_type: event_type, schema_version: schema_version, event_ts: written_at,
                    viewer_id: viewer_id, stream_id: stream_id, creator_id: creator_id, video_kbps: amount,
                    device: device
                })
            end
        when 'chat_message' then to_json({
            event_id: event_id, event_type: event_type, schema_version: schema_version, event_ts: written_at,
            viewer_id: viewer_id, stream_id: stream_id, creator_id: creator_id, characters: amount
        })
        when 'ad_impression' then
            case schema_version
                when 1 then to_json({
                    event_id: event_id, event_type: event_type, schema_version: schema_version, event_ts: written_at,
                    viewer_id: viewer_id, stream_id: stream_id, creator_id: creator_id, campaign_id: campaign_id,
                    price_micros: amount
                })
                else to_json({
                    event_id: event_id, event_type: event_type, schema_version: schema_version, event_ts: written_at,
                    viewer_id: viewer_id, stream_id: stream_id, creator_id: creator_id, campaign_id: campaign_id,
                    price: printf('%d.%06d', amount // 1000000, amount % 1000000)
                })
            end
        when 'ad_click' then to_json({
            event_id: event_id, event_type: event_type, schema_version: schema_version, event_ts: written_at,
            viewer_id: viewer_id, stream_id: stream_id, creator_id: creator_id, campaign_id: campaign_id,
            impression_id: impression_id
        })
        when 'impression_disputed' then to_json({
            event_id: event_id, event_type: event_type, schema_version: schema_version, event_ts: written_at,
            impression_id: impression_id, campaign_id: campaign_id, reason: reason
        })
        when 'creator_updated' then to_json({
            event_id: event_id, event_type: event_type, schema_version: schema_version, event_ts: written_at,
            creator_id: creator_id, display_name: display_name, category: category, tier: tier, country: country,
            is_active: is_active
        })
        when 'stream_started' then to_json({
            event_id: event_id, event_type: event_type, schema_version: schema_version, event_ts: written_at,
            stream_id: stream_id, creator_id: creator_id, category: category, title: title
        })
        when 'stream_ended' then to_json({
            event_id: event_id, event_type: event_type, schema_version: schema_version, event_ts: written_at,
            stream_id: stream_id, creator_id: creator_id
        })
    end::varchar as event
from written
