-- description: What visitors did, each event once; the source delivers some twice, and some late.
-- grain: one event
-- key: event_id
-- time: occurred_at
-- entities: {visitor: visitor_id}
-- dimensions: [event, device, channel, country]
-- owner: demo
-- deduplicate: {key: [event_id], order_by: [loaded_at]}
-- tests:
--   - not_null: [visitor_id, occurred_at]
--   - foreign_key: {columns: [visitor_id], table: visitors}
SELECT event_id, event, visitor_id, customer_id, product_id, occurred_at, loaded_at, device, channel, country
FROM raw_events
