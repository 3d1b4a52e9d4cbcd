-- What postgres gets for tests/contract/shapes.sql (QUALIFY apart: SQLGlot's rewriting of it changes).

--- count and sum
SELECT COUNT(*) AS n, COUNT(amount) AS paid, SUM(amount) AS total, SUM(quantity) AS pieces, SUM(weight) AS kg FROM orders

--- group by with NULLs
SELECT city, COUNT(*) AS n, MIN(day) AS first, MAX("at") AS last FROM orders GROUP BY city ORDER BY city

--- order descending
SELECT id, city FROM orders ORDER BY city DESC NULLS LAST, id

--- order NULLS FIRST
SELECT id, amount FROM orders ORDER BY amount DESC, id LIMIT 12 OFFSET 3

--- order of texts
SELECT MIN(city) AS low, MAX(city) AS high, COUNT(NULLIF(city < 'a', FALSE)) AS before FROM orders

--- order of labels
SELECT CASE WHEN quantity > 0 THEN 'new' WHEN quantity = 0 THEN 'Old' ELSE 'ärger' END AS label, COUNT(*) AS n FROM orders GROUP BY label ORDER BY label

--- order of made texts
SELECT DISTINCT LOWER(city COLLATE "und-x-icu") AS small, UPPER(city COLLATE "und-x-icu") AS large FROM orders ORDER BY small DESC NULLS LAST

--- means
SELECT CAST(AVG(amount) AS DOUBLE PRECISION) AS a, CAST(AVG(quantity) AS DOUBLE PRECISION) AS q, CAST(AVG(weight) AS DOUBLE PRECISION) AS w, CAST(AVG(big) AS DOUBLE PRECISION) AS b FROM orders

--- spread
SELECT VAR_SAMP(CAST(weight AS DOUBLE PRECISION)) AS v, STDDEV_POP(CAST(amount AS DOUBLE PRECISION)) AS s, COVAR_SAMP(CAST(weight AS DOUBLE PRECISION), CAST(amount AS DOUBLE PRECISION)) AS c, NULLIF(CORR(CAST(weight AS DOUBLE PRECISION), CAST(amount AS DOUBLE PRECISION)), CAST('NaN' AS DOUBLE PRECISION)) AS r, NULLIF(CORR(CAST(weight AS DOUBLE PRECISION), CAST(1 AS DOUBLE PRECISION)), CAST('NaN' AS DOUBLE PRECISION)) AS none, VAR_SAMP(CAST(amount AS DOUBLE PRECISION)) FILTER (WHERE id = 1) AS one FROM orders

--- quantiles
SELECT customer, PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY CAST(weight AS DOUBLE PRECISION)) AS q90, PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY CAST(amount AS DOUBLE PRECISION)) AS q25, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(quantity AS DOUBLE PRECISION)) AS m FROM orders GROUP BY customer ORDER BY customer

--- quantile of a share that is bound
SELECT PERCENTILE_CONT($1) WITHIN GROUP (ORDER BY CAST(weight AS DOUBLE PRECISION)) AS q FROM orders

--- filters
SELECT COUNT(*) FILTER (WHERE paid) AS paid, SUM(amount) FILTER (WHERE city IS NULL) AS nowhere, CAST(AVG(weight) FILTER (WHERE quantity > 100) AS DOUBLE PRECISION) AS none, COUNT(DISTINCT city) FILTER (WHERE amount > 0) AS cities FROM orders

--- division
SELECT id, CAST(quantity AS DOUBLE PRECISION) / 2 AS half, CAST(amount AS DOUBLE PRECISION) / NULLIF(quantity, 0) AS each, CAST(weight AS DOUBLE PRECISION) / NULLIF(quantity, 0) AS kg, CAST(7 AS DOUBLE PRECISION) / 2 AS fixed, CAST(1 AS DOUBLE PRECISION) / 3.0 AS third FROM orders ORDER BY id

--- division of whole numbers
SELECT id, CAST(DIV(CAST(quantity AS NUMERIC), 2) AS BIGINT) AS half, CAST(DIV(CAST(big AS NUMERIC), 1000003) AS BIGINT) AS small, CAST(DIV(CAST(-7 AS NUMERIC), 2) AS BIGINT) AS towards_zero, quantity % 2 AS rest, -7 % 3 AS sign FROM orders ORDER BY id

--- division by zero is NULL
SELECT CAST(1 AS DOUBLE PRECISION) / NULLIF(0, 0) AS a, CAST(DIV(CAST(1 AS NUMERIC), NULLIF(0, 0)) AS BIGINT) AS b, 1 % NULLIF(0, 0) AS c, CAST(1.5 AS DOUBLE PRECISION) / NULLIF(0.0, 0) AS d, CAST(weight AS DOUBLE PRECISION) / NULLIF((quantity - quantity), 0) AS e, CAST(SUM(amount) AS DOUBLE PRECISION) / NULLIF(COUNT(NULLIF(FALSE, FALSE)), 0) AS f FROM orders GROUP BY weight, quantity ORDER BY e LIMIT 1

--- no real value is NULL
SELECT SQRT(CASE WHEN -1 >= 0 THEN CAST(-1 AS DOUBLE PRECISION) END) AS a, LN(CASE WHEN 0 > 0 THEN CAST(0 AS DOUBLE PRECISION) END) AS b, LN(CASE WHEN -2 > 0 THEN CAST(-2 AS DOUBLE PRECISION) END) AS c, CASE WHEN -8 > 0 OR (-8 = 0 AND 0.5 >= 0) OR (-8 < 0 AND 0.5 = TRUNC(0.5)) THEN POWER(CAST(-8 AS DOUBLE PRECISION), CAST(0.5 AS DOUBLE PRECISION)) END AS d, CASE WHEN 0 > 0 OR (0 = 0 AND -1 >= 0) OR (0 < 0 AND -1 = TRUNC(-1)) THEN POWER(CAST(0 AS DOUBLE PRECISION), CAST(-1 AS DOUBLE PRECISION)) END AS e, CASE WHEN 1000 < -700 THEN 0 WHEN 1000 <= 709 THEN EXP(CAST(1000 AS DOUBLE PRECISION)) END AS f, CASE WHEN -800 < -700 THEN 0 WHEN -800 <= 709 THEN EXP(CAST(-800 AS DOUBLE PRECISION)) END AS g

--- rounding
SELECT id, ROUND(CAST(CAST(weight AS VARCHAR) AS DECIMAL(38, 10)), 0) AS w, ROUND(CAST(CAST(weight AS VARCHAR) AS DECIMAL(38, 10)), 2) AS w2, ROUND(CAST(CAST(amount AS VARCHAR) AS DECIMAL(38, 10)), 1) AS a, ROUND(CAST(CAST(2.5 AS VARCHAR) AS DECIMAL(38, 10)), 0) AS up, ROUND(CAST(CAST(-2.5 AS VARCHAR) AS DECIMAL(38, 10)), 0) AS down, ROUND(CAST(CAST(CAST(1.005 AS DOUBLE PRECISION) AS VARCHAR) AS DECIMAL(38, 10)), 2) AS tie, FLOOR(weight) AS f, CEIL(amount) AS c, TRUNC(weight) AS t, CAST(SIGN(weight) AS INTEGER) AS s FROM orders ORDER BY id

--- powers
SELECT id, SQRT(CASE WHEN ABS(weight) >= 0 THEN CAST(ABS(weight) AS DOUBLE PRECISION) END) AS root, LN(CASE WHEN ABS(weight) + 1 > 0 THEN CAST(ABS(weight) + 1 AS DOUBLE PRECISION) END) AS l, CASE WHEN CAST(weight AS DOUBLE PRECISION) / 50 < -700 THEN 0 WHEN CAST(weight AS DOUBLE PRECISION) / 50 <= 709 THEN EXP(CAST(CAST(weight AS DOUBLE PRECISION) / 50 AS DOUBLE PRECISION)) END AS e, CASE WHEN weight > 0 OR (weight = 0 AND 2 >= 0) OR (weight < 0 AND 2 = TRUNC(2)) THEN POWER(CAST(weight AS DOUBLE PRECISION), CAST(2 AS DOUBLE PRECISION)) END AS p FROM orders ORDER BY id

--- casts
SELECT CAST(2.5 AS BIGINT) AS a, CAST(CAST(2.5 AS DOUBLE PRECISION) AS BIGINT) AS b, CAST('2021-03-28' AS DATE) AS d, CAST(day AS TIMESTAMP) AS t, CAST("at" AS DATE) AS u, CAST(id AS TEXT) AS s, CAST(amount AS TEXT) AS m, CAST(day AS TEXT) AS v, CAST(amount AS DECIMAL(10, 1)) AS n, CAST(paid AS TEXT) AS p, CAST('12.5' AS DOUBLE PRECISION) AS f FROM orders ORDER BY id

--- decimals stay decimals
SELECT amount * 1.5 AS a, amount + 0.001 AS b, SUM(amount * amount) AS c, -amount AS d FROM orders GROUP BY amount ORDER BY amount

--- big whole numbers
SELECT SUM(big) AS s, MAX(big) AS m, SUM(big - 4611686018427387904) AS small FROM orders

--- NULL-safe equality
SELECT COUNT(NULLIF(a.city IS NOT DISTINCT FROM b.city, FALSE)) AS same, COUNT(NULLIF(a.city IS DISTINCT FROM b.city, FALSE)) AS other, COUNT(NULLIF(a.city = b.city, FALSE)) AS equal FROM orders AS a CROSS JOIN orders AS b

--- three-valued logic
SELECT COUNT(NULLIF(paid, FALSE)) AS t, COUNT(NULLIF(NOT paid, FALSE)) AS f, COUNT(NULLIF(paid IS NULL, FALSE)) AS n, COUNT(NULLIF(paid OR quantity > 0, FALSE)) AS o, COUNT(NULLIF(paid AND quantity > 0, FALSE)) AS a, COUNT(NULLIF(city IN ('Oslo', NULL), FALSE)) AS i, COUNT(NULLIF(NOT city IN ('Oslo'), FALSE)) AS x FROM orders

--- joins
SELECT o.id, r.rate FROM orders AS o LEFT JOIN rates AS r ON o.customer = r.customer AND o."at" >= r.since ORDER BY o.id, r.rate

--- join in parentheses
SELECT o.id, r.rate, s.city FROM orders AS o LEFT JOIN (rates AS r LEFT JOIN orders AS s ON s.customer = r.customer AND s.amount > r.rate) ON o.customer = r.customer AND o."at" >= r.since ORDER BY o.id, r.rate, s.city, s.id

--- join in parentheses from a series
SELECT o.id, number, r.rate FROM orders AS o LEFT JOIN ((SELECT number FROM GENERATE_SERIES(CAST(1 AS BIGINT), CAST(3 AS BIGINT)) AS numbers(number)) AS n JOIN rates AS r ON r.customer = n.number) ON o.customer = r.customer ORDER BY o.id, r.rate

--- full join using
SELECT customer, COUNT(*) AS n FROM rates FULL JOIN (SELECT DISTINCT customer FROM orders) AS o USING (customer) GROUP BY customer ORDER BY customer

--- subqueries
SELECT id, (SELECT MAX(rate) FROM rates AS r WHERE r.customer = o.customer) AS top FROM orders AS o WHERE EXISTS(SELECT 1 FROM rates AS r WHERE r.customer = o.customer) AND customer IN (SELECT customer FROM rates) ORDER BY id

--- as-of join
SELECT o.id, o."at", r.rate, r.since FROM orders AS o INNER JOIN LATERAL (SELECT * FROM rates AS r WHERE o.customer = r.customer AND o."at" >= r.since ORDER BY r.since DESC NULLS LAST LIMIT 1) AS r ON TRUE ORDER BY o.id

--- as-of left join
SELECT o.id, r.rate FROM orders AS o LEFT JOIN LATERAL (SELECT * FROM rates AS r WHERE o.customer = r.customer AND r.since < o."at" ORDER BY r.since DESC NULLS LAST LIMIT 1) AS r ON TRUE ORDER BY o.id

--- as-of join forwards
SELECT o.id, r.rate FROM orders AS o LEFT JOIN LATERAL (SELECT * FROM rates AS r WHERE o.customer = r.customer AND o."at" <= r.since ORDER BY r.since LIMIT 1) AS r ON TRUE ORDER BY o.id

--- with and union
WITH big AS (SELECT id FROM orders WHERE amount > 5), small AS (SELECT id FROM orders WHERE amount < 1) SELECT 'big' AS size, COUNT(*) AS n FROM big UNION ALL SELECT 'small', COUNT(*) FROM small UNION ALL (SELECT 'all', COUNT(*) FROM orders) ORDER BY size

--- except and intersect
SELECT customer FROM orders EXCEPT SELECT customer FROM rates ORDER BY customer

--- windows
SELECT id, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY "at", id) AS n, SUM(quantity) OVER (PARTITION BY customer ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS moving, LAG(amount) OVER (ORDER BY id) AS before, LEAD(id, 2, 0) OVER (ORDER BY id) AS after, CAST(AVG(quantity) OVER (PARTITION BY customer) AS DOUBLE PRECISION) AS mean, RANK() OVER (ORDER BY city DESC NULLS LAST) AS place, NTILE(4) OVER (ORDER BY id) AS part, FIRST_VALUE(city) OVER (PARTITION BY customer ORDER BY id DESC NULLS LAST) AS newest FROM orders ORDER BY id

--- named window
SELECT id, SUM(quantity) OVER w AS s, COUNT(*) OVER w AS n FROM orders WINDOW w AS (PARTITION BY customer ORDER BY id) ORDER BY id

--- range window
SELECT id, COUNT(*) OVER (ORDER BY day RANGE BETWEEN INTERVAL '3 DAY' PRECEDING AND CURRENT ROW) AS n FROM orders ORDER BY id

--- distinct on
SELECT DISTINCT ON (customer) customer, id FROM orders ORDER BY customer, "at" DESC NULLS LAST, id

--- first and last
SELECT customer, (ARRAY_AGG(city ORDER BY "at" ASC, city ASC) FILTER (WHERE city IS NOT NULL AND "at" IS NOT NULL))[1] AS first, (ARRAY_AGG(amount ORDER BY "at" DESC, amount DESC) FILTER (WHERE amount IS NOT NULL AND "at" IS NOT NULL))[1] AS last, (ARRAY_AGG(id ORDER BY customer DESC, id DESC) FILTER (WHERE id IS NOT NULL AND customer IS NOT NULL))[1] AS tie, (ARRAY_AGG(id ORDER BY quantity ASC, id ASC) FILTER (WHERE id IS NOT NULL AND quantity IS NOT NULL AND (paid)))[1] AS paid FROM orders GROUP BY customer ORDER BY customer

--- rollup
SELECT customer, paid, COUNT(*) AS n FROM orders GROUP BY GROUPING SETS ((customer, paid), (customer), ()) ORDER BY customer, paid, n

--- having
SELECT customer, SUM(amount) AS total FROM orders GROUP BY customer HAVING COUNT(*) > 8 AND SUM(amount) > 0 ORDER BY total DESC NULLS LAST

--- strings together
SELECT customer, STRING_AGG(city, ', ' ORDER BY city, id) AS cities FROM orders GROUP BY customer ORDER BY customer

--- local days over both changes of the clock
SELECT CAST(CAST("at" AS TIMESTAMPTZ) AT TIME ZONE 'Europe/Berlin' AS DATE) AS spring, CAST(CAST(autumn AS TIMESTAMPTZ) AT TIME ZONE 'America/New_York' AS DATE) AS autumn, COUNT(*) AS n FROM orders GROUP BY spring, autumn ORDER BY spring, autumn

--- what the clock shows
SELECT id, (CAST("at" AS TIMESTAMPTZ) AT TIME ZONE 'Europe/Berlin') AS t, CAST(CAST(autumn AS TIMESTAMPTZ) AT TIME ZONE $1 AS DATE) AS d, (CAST(day AS TIMESTAMP) AT TIME ZONE 'America/Sao_Paulo') AS m, (CAST(CAST(CAST("at" AS TIMESTAMPTZ) AT TIME ZONE 'Asia/Kathmandu' AS DATE) AS TIMESTAMP) AT TIME ZONE 'Asia/Kathmandu') AS start FROM orders WHERE day > $2 ORDER BY id

--- clock times that do not or twice exist
SELECT (CAST(CAST('2021-03-28 02:30:00' AS TIMESTAMP) AS TIMESTAMP) AT TIME ZONE 'Europe/Berlin') AS gone, (CAST(CAST('2021-10-31 02:30:00' AS TIMESTAMP) AS TIMESTAMP) AT TIME ZONE 'Europe/Berlin') AS twice, (CAST(CAST('2018-11-04' AS DATE) AS TIMESTAMP) AT TIME ZONE 'America/Sao_Paulo') AS midnight

--- truncated days
SELECT DATE_TRUNC('week', CAST(day AS TIMESTAMP)) AS w, DATE_TRUNC('month', CAST("at" AS TIMESTAMP)) AS m, DATE_TRUNC('quarter', CAST(clock AS TIMESTAMP)) AS q, CAST(DATE_TRUNC('week', CAST(day AS TIMESTAMP)) AS DATE) AS monday, (CAST(DATE_TRUNC('week', CAST(CAST(day AS DATE) + 1 AS TIMESTAMP)) AS DATE) - 1) AS sunday, (CAST(DATE_TRUNC('week', CAST(CAST(day AS DATE) + 2 AS TIMESTAMP)) AS DATE) - 2) AS saturday FROM orders ORDER BY id

--- parts of a day
SELECT CAST(EXTRACT(YEAR FROM day) AS BIGINT) AS y, CAST(EXTRACT(MONTH FROM "at") AS BIGINT) AS m, EXTRACT(ISODOW FROM day) AS d, EXTRACT(WEEK FROM day) AS w, EXTRACT(DOY FROM day) AS n, EXTRACT(ISOYEAR FROM day) AS i, CAST(EXTRACT(HOUR FROM clock) AS BIGINT) AS h, CAST(EXTRACT(QUARTER FROM day) AS BIGINT) AS q FROM orders ORDER BY id

--- counting days
SELECT (CAST(day AS DATE) + CAST(quantity AS INTEGER)) AS d, CAST(CAST(day AS DATE) + CAST(1 AS INTEGER) * INTERVAL '1 month' AS DATE) AS m, (CAST(CAST('2021-01-01' AS DATE) AS DATE) - CAST(day AS DATE)) AS n, day + INTERVAL '7 DAY' AS w, CAST(EXTRACT(EPOCH FROM CAST(autumn AS TIMESTAMPTZ) - CAST("at" AS TIMESTAMPTZ)) AS DOUBLE PRECISION) AS s, CAST(EXTRACT(EPOCH FROM CAST("at" AS TIMESTAMPTZ) - CAST(clock AS TIMESTAMPTZ)) AS DOUBLE PRECISION) AS long, (CAST("at" AS TIMESTAMPTZ) + CAST(1.5 AS DOUBLE PRECISION) * INTERVAL '1 second') AS later FROM orders ORDER BY id

--- series of days
SELECT day, COUNT(o.id) AS n FROM (SELECT CAST(moment AS DATE) AS day FROM GENERATE_SERIES(CAST(CAST($1 AS DATE) AS TIMESTAMP), CAST(CAST($2 AS DATE) AS TIMESTAMP), INTERVAL '1 day') AS days(moment)) AS d LEFT JOIN orders AS o USING (day) GROUP BY day ORDER BY day

--- series of numbers
SELECT number, number * number AS square FROM (SELECT number FROM GENERATE_SERIES(CAST(-2 AS BIGINT), CAST(3 AS BIGINT)) AS numbers(number)) AS number_series ORDER BY number

--- series that is empty
SELECT COUNT(*) AS n FROM (SELECT CAST(moment AS DATE) AS day FROM GENERATE_SERIES(CAST(CAST('2021-01-02' AS DATE) AS TIMESTAMP), CAST(CAST('2021-01-01' AS DATE) AS TIMESTAMP), INTERVAL '1 day') AS days(moment)) AS day_series

--- values
SELECT a, b FROM (VALUES (1, 'x'), (2, NULL), (3, 'É')) AS v(a, b) ORDER BY b DESC NULLS LAST

--- buckets
SELECT id, CAST(CAST('x0' || substr(md5(CAST('salt' AS VARCHAR) || ':' || CAST(id AS VARCHAR)), 1, 15) AS BIT(64)) AS BIGINT) AS b, CAST(CAST('x0' || substr(md5(CAST('salt' AS VARCHAR) || ':' || CAST(city AS VARCHAR)), 1, 15) AS BIT(64)) AS BIGINT) AS c, CAST(CAST('x0' || substr(md5(CAST('checkout' AS VARCHAR) || ':' || CAST(id AS VARCHAR)), 1, 15) AS BIT(64)) AS BIGINT) % 100 AS percent FROM orders ORDER BY id

--- texts
SELECT id, LENGTH(city) AS n, TRIM(city) AS t, REPLACE(city, 'o', '0') AS r, SPLIT_PART(city, 'l', 1) AS s, LEFT(city, 2) AS l, RIGHT(city, 2) AS e, LPAD(city, 4, '*') AS p, CONCAT(city, '/', id) AS c, CONCAT_WS('-', city, 'x') AS w, city || '!' AS j, MD5(city) AS h, STARTS_WITH(city, 'O') AS b, (STRPOS(city, 'sl') > 0) AS i, STRPOS(city, 'l') AS "at", SUBSTR(city, GREATEST(2, 1), 2) AS u, SUBSTR(city, GREATEST(0, 1), 2) AS z, REVERSE(city) AS v FROM orders ORDER BY id

--- likes
SELECT id FROM orders WHERE city LIKE 'a\_b' ESCAPE '' OR city LIKE 'O_lo' ESCAPE '' OR city LIKE '%''%' ESCAPE '' OR city LIKE 'a!_b' ESCAPE '!' ORDER BY id

--- choices
SELECT id, COALESCE(amount, 0) AS a, NULLIF(quantity, 0) AS q, GREATEST(quantity, 1, NULL) AS g, LEAST(weight, 0) AS l, CASE quantity WHEN 1 THEN 10 WHEN 2 THEN 20 END AS c, CASE WHEN paid THEN 1 ELSE 0 END AS p FROM orders ORDER BY id

--- nothing at all
SELECT id, city, amount, weight, day, "at", paid FROM empty

--- sums of nothing
SELECT COUNT(*) AS n, SUM(amount) AS s, CAST(AVG(weight) AS DOUBLE PRECISION) AS a, MAX(city) AS m, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(weight AS DOUBLE PRECISION)) AS q, SUM(big) AS b, (ARRAY_AGG(id ORDER BY "at" ASC, id ASC) FILTER (WHERE id IS NOT NULL AND "at" IS NOT NULL))[1] AS f FROM empty

--- groups of nothing
SELECT city, SUM(amount) AS s FROM empty GROUP BY city

--- hostile names
SELECT "we""ird" AS "a;b", "Größe; --", "select", "UPPER" AS "Total" FROM "order; drop table x" ORDER BY "we""ird" DESC NULLS LAST

--- a star over hostile names
SELECT * FROM "order; drop table x" AS t ORDER BY "UPPER"

--- a name with dots
SELECT COUNT(*) AS n FROM "Ünïcode.with.dots"

--- names nobody gave
SELECT COUNT(*), SUM(quantity), MAX(city) FROM orders

--- hostile values
SELECT id, $1 AS t FROM orders WHERE city = $2 OR city = $1 ORDER BY id

--- every kind of value
SELECT $1 + 1 AS i, $2 AS b, $3 AS f, $4 AS s, $5 AS d, $6 AS t, $7 AS z, $8 AS m, $9 AS n, $10 AS huge, CAST($1 AS DOUBLE PRECISION) / 2 AS half

--- ranges of values
SELECT COUNT(*) AS n FROM orders WHERE day BETWEEN $1 AND $2 AND "at" >= $3 AND amount > $4

--- more of texts
SELECT id, RTRIM(LTRIM(city)) AS t, RPAD(city, 5, '.') AS p, REPEAT(city, 2) AS r, SUBSTR(city, GREATEST(1, 1), 1) AS s, COALESCE(city, '-') AS i FROM orders ORDER BY id

--- all, any, and spread over everybody
SELECT customer, BOOL_AND(quantity > -3) AS every, BOOL_OR(paid) AS "some", VAR_POP(CAST(weight AS DOUBLE PRECISION)) AS v, STDDEV_SAMP(CAST(amount AS DOUBLE PRECISION)) AS s, COVAR_POP(CAST(weight AS DOUBLE PRECISION), CAST(quantity AS DOUBLE PRECISION)) AS c, (ARRAY_AGG(city ORDER BY "at" ASC, city ASC) FILTER (WHERE city IS NOT NULL AND "at" IS NOT NULL))[1] AS f FROM orders GROUP BY customer ORDER BY customer

--- ranks
SELECT id, DENSE_RANK() OVER (ORDER BY quantity DESC NULLS LAST) AS d, PERCENT_RANK() OVER (ORDER BY quantity) AS p, CUME_DIST() OVER (ORDER BY quantity) AS c, LAST_VALUE(id) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS l FROM orders ORDER BY id

--- more of numbers and days
SELECT id, CEIL(weight) AS c, CASE WHEN weight > 0 OR (weight = 0 AND 3 >= 0) OR (weight < 0 AND 3 = TRUNC(3)) THEN POWER(CAST(weight AS DOUBLE PRECISION), CAST(3 AS DOUBLE PRECISION)) END AS p, CAST(EXTRACT(DAY FROM "at") AS BIGINT) AS d, CAST(EXTRACT(MINUTE FROM clock) AS BIGINT) AS m, ABS(amount) AS a FROM orders ORDER BY id
