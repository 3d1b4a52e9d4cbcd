-- description: Orders, one row each.
-- grain: one order
-- key: order_id
-- time: ordered_at
-- zone: UTC
-- entities: {customer: customer_id}
-- dimensions: [status]
-- owner: you
-- tests:
--   - foreign_key: {columns: [customer_id], table: customers}
--   - accepted_values: {column: status, values: [paid, refunded, cancelled]}
--   - accepted_range: {column: amount, low: 0}
SELECT order_id, customer_id, ordered_at, status, amount
FROM raw_orders
