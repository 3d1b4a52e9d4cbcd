-- description: A browser or a phone, and the customer it turned out to be.
-- grain: one visitor
-- key: visitor_id
-- entity: visitor
-- time: first_seen_at
-- dimensions: [device, country]
-- owner: demo
SELECT visitor_id, customer_id, first_seen_at, device, country, time_zone
FROM raw_visitors
