-- description: Orders with their amount in euro, at the last rate that was known on the day; weekends have none of their own.
-- grain: one order
-- key: order_id
-- time: ordered_at
-- entities: {visitor: visitor_id}
-- dimensions: [status, country, device, channel, currency]
-- owner: demo
-- steps:
--   priced: {as_of: {of: raw_orders, time: ordered_at, table: raw_exchange_rates, their_time: rate_date, on: {currency: currency}, take: {per_euro: per_euro}, stale_after: 5 days, age: rate_age}}
-- tests:
--   - accepted_values: {column: status, values: [completed, cancelled]}
--     severity: doubt
--   - not_null: [amount_eur]
--   - foreign_key: {columns: [visitor_id], table: visitors}
SELECT
  order_id,
  visitor_id,
  customer_id,
  ordered_at,
  status,
  country,
  device,
  channel,
  currency,
  amount,
  rate_age,
  CAST(CASE WHEN currency = 'EUR' THEN amount ELSE amount / per_euro END AS DECIMAL(14, 2)) AS amount_eur
FROM priced
