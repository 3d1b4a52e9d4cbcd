-- description: Where a product was displayed or in the mailer, week by week; one row each, where the source has doubles.
-- grain: one product in one store and week
-- key: [product_id, store_id, week]
-- dimensions: [display_location, mailer_location]
-- owner: demo
-- deduplicate: {key: [product_id, store_id, week], order_by: [display_location desc, mailer_location desc]}
SELECT product_id, store_id, week, display_location, mailer_location
FROM promotions
