-- description: A household of the loyalty programme; what it said of itself where it said anything.
-- grain: one household
-- key: household_id
-- entity: household
-- dimensions: [age, household_size, home_ownership, was_targeted]
-- owner: demo
-- tests:
--   - not_null: [was_targeted]
SELECT
  h.household_id,
  h.first_basket_at,
  d.age,
  d.household_size,
  d.home_ownership,
  t.household_id IS NOT NULL AS was_targeted
FROM (SELECT household_id, min(started_at) AS first_basket_at FROM baskets GROUP BY household_id) AS h
LEFT JOIN demographics AS d ON d.household_id = h.household_id
LEFT JOIN (SELECT DISTINCT household_id FROM campaigns) AS t ON t.household_id = h.household_id
