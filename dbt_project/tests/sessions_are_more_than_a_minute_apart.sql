select viewer_id, stream_id, session_number, started_at
from {{ ref('viewer_sessions') }}
window viewing as (partition by viewer_id, stream_id order by started_at)
-- A session ends ten seconds after its last heartbeat.
qualify started_at - lag(ended_at - interval 10 second) over viewing <= interval 60 second
    or session_number != row_number() over viewing
