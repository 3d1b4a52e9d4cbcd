-- description: Customers, one row each.
-- grain: one customer
-- key: customer_id
-- entity: customer
-- dimensions: [country, joined_on]
-- owner: you
SELECT customer_id, country, joined_on
FROM raw_customers
