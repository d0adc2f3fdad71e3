"""The event types by number, as the simulator's arrays hold them."""

EVENT_TYPES = (
    "stream_started",
    "stream_ended",
    "viewer_heartbeat",
    "chat_message",
    "ad_impression",
    "ad_click",
    "creator_updated",
    "impression_disputed",
)
(
    STREAM_STARTED,
    STREAM_ENDED,
    VIEWER_HEARTBEAT,
    CHAT_MESSAGE,
    AD_IMPRESSION,
    AD_CLICK,
    CREATOR_UPDATED,
    IMPRESSION_DISPUTED,
) = range(len(EVENT_TYPES))
