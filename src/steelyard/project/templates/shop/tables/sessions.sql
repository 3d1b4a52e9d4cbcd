-- description: Visits, found anew from the events; a pause of more than 30 minutes begins another.
-- grain: one session of one visitor
-- key: session_id
-- time: started_at
-- entities: {visitor: visitor_id}
-- dimensions: [device, channel, country]
-- owner: demo
-- steps:
--   visits: {sessionise: {of: events, by: [visitor_id], time: occurred_at, gap: 30 minutes}}
SELECT
  session_id,
  min(visitor_id) AS visitor_id,
  min(session_started_at) AS started_at,
  min(device) AS device,
  min(channel) AS channel,
  min(country) AS country,
  count(*) AS events,
  CAST(max(CASE WHEN event = 'order_placed' THEN 1 ELSE 0 END) AS BIGINT) AS ordered
FROM visits
GROUP BY session_id
