-- description: A visit to a till.
-- grain: one basket
-- key: basket_id
-- entity: basket
-- time: started_at
-- zone: UTC
-- entities: {household: household_id}
-- dimensions: [store_id]
-- owner: demo
-- tests:
--   - not_null: [household_id, started_at]
--   - sql: SELECT basket_id, households FROM baskets WHERE households <> 1
SELECT
  basket_id,
  min(household_id) AS household_id,
  min(store_id) AS store_id,
  min(sold_at) AS started_at,
  count(*) AS lines,
  count(DISTINCT household_id) AS households,
  sum(amount) AS amount
FROM sales
GROUP BY basket_id
