-- description: Who saw the checkout under test, and in which arm; the first exposure of each visitor.
-- grain: one visitor
-- key: visitor_id
-- time: exposed_at
-- entities: {visitor: visitor_id}
-- dimensions: [arm, stage]
-- owner: demo
SELECT visitor_id, arm, stage, exposed_at
FROM raw_exposures
WHERE experiment = 'one_page_checkout'
