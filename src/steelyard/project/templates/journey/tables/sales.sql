-- description: What was sold, line by line, with money as decimals. Times are UTC; days are counted in New York.
-- grain: one product in one basket
-- key: [basket_id, product_id]
-- time: sold_at
-- zone: UTC
-- entities: {household: household_id, basket: basket_id, product: product_id}
-- dimensions: [store_id]
-- owner: demo
-- tests:
--   - foreign_key: {columns: [product_id], table: products}
--     severity: doubt
--   - accepted_range: {column: amount, low: 0}
--   - accepted_range: {column: coupon_discount, low: 0}
--   - not_null: [household_id, sold_at, amount]
--   - change: {measure: rows}
SELECT
  basket_id,
  product_id,
  household_id,
  store_id,
  transaction_timestamp AS sold_at,
  quantity,
  CAST(sales_value AS DECIMAL(12, 2)) AS amount,
  CAST(retail_disc AS DECIMAL(12, 2)) AS loyalty_discount,
  CAST(coupon_disc AS DECIMAL(12, 2)) AS coupon_discount,
  CAST(coupon_match_disc AS DECIMAL(12, 2)) AS coupon_match
FROM transactions
