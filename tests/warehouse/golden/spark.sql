-- What spark gets for tests/contract/shapes.sql (QUALIFY apart: SQLGlot's rewriting of it changes).

--- count and sum
SELECT COUNT(*) AS n, COUNT(amount) AS paid, SUM(amount) AS total, SUM(quantity) AS pieces, SUM(weight) AS kg FROM orders

--- group by with NULLs
SELECT city, COUNT(*) AS n, MIN(day) AS first, MAX(`at`) AS last FROM orders GROUP BY city ORDER BY city NULLS LAST

--- order descending
SELECT id, city FROM orders ORDER BY city DESC NULLS LAST, id NULLS LAST

--- order NULLS FIRST
SELECT id, amount FROM orders ORDER BY amount DESC NULLS FIRST, id NULLS LAST LIMIT 12 OFFSET 3

--- order of texts
SELECT MIN(city) AS low, MAX(city) AS high, COUNT(NULLIF(city < 'a', FALSE)) AS before FROM orders

--- order of labels
SELECT CASE WHEN quantity > 0 THEN 'new' WHEN quantity = 0 THEN 'Old' ELSE 'ärger' END AS label, COUNT(*) AS n FROM orders GROUP BY label ORDER BY label NULLS LAST

--- order of made texts
SELECT DISTINCT LOWER(city) AS small, UPPER(city) AS large FROM orders ORDER BY small DESC NULLS LAST

--- means
SELECT AVG(CAST(amount AS DOUBLE)) AS a, AVG(CAST(quantity AS DOUBLE)) AS q, AVG(CAST(weight AS DOUBLE)) AS w, AVG(CAST(big AS DOUBLE)) AS b FROM orders

--- spread
SELECT VAR_SAMP(CAST(weight AS DOUBLE)) AS v, STDDEV_POP(CAST(amount AS DOUBLE)) AS s, COVAR_SAMP(CAST(weight AS DOUBLE), CAST(amount AS DOUBLE)) AS c, NULLIF(CORR(CAST(weight AS DOUBLE), CAST(amount AS DOUBLE)), CAST('NaN' AS DOUBLE)) AS r, NULLIF(CORR(CAST(weight AS DOUBLE), CAST(1 AS DOUBLE)), CAST('NaN' AS DOUBLE)) AS none, VAR_SAMP(CAST(amount AS DOUBLE)) FILTER (WHERE id = 1) AS one FROM orders

--- quantiles
SELECT customer, PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY CAST(weight AS DOUBLE)) AS q90, PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY CAST(amount AS DOUBLE)) AS q25, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(quantity AS DOUBLE)) AS m FROM orders GROUP BY customer ORDER BY customer NULLS LAST

--- quantile of a share that is bound
SELECT PERCENTILE_CONT(:q) WITHIN GROUP (ORDER BY CAST(weight AS DOUBLE)) AS q FROM orders

--- filters
SELECT COUNT(*) FILTER (WHERE paid) AS paid, SUM(amount) FILTER (WHERE city IS NULL) AS nowhere, AVG(CAST(weight AS DOUBLE)) FILTER (WHERE quantity > 100) AS none, COUNT(DISTINCT city) FILTER (WHERE amount > 0) AS cities FROM orders

--- division
SELECT id, CAST(quantity AS DOUBLE) / 2 AS half, CAST(amount AS DOUBLE) / NULLIF(quantity, 0) AS each, CAST(weight AS DOUBLE) / NULLIF(quantity, 0) AS kg, CAST(7 AS DOUBLE) / 2 AS fixed, CAST(1 AS DOUBLE) / 3.0 AS third FROM orders ORDER BY id NULLS LAST

--- division of whole numbers
SELECT id, quantity DIV 2 AS half, big DIV 1000003 AS small, -7 DIV 2 AS towards_zero, quantity % 2 AS rest, -7 % 3 AS sign FROM orders ORDER BY id NULLS LAST

--- division by zero is NULL
SELECT CAST(1 AS DOUBLE) / NULLIF(0, 0) AS a, 1 DIV NULLIF(0, 0) AS b, 1 % NULLIF(0, 0) AS c, CAST(1.5 AS DOUBLE) / NULLIF(0.0, 0) AS d, CAST(weight AS DOUBLE) / NULLIF((quantity - quantity), 0) AS e, CAST(SUM(amount) AS DOUBLE) / NULLIF(COUNT(NULLIF(FALSE, FALSE)), 0) AS f FROM orders GROUP BY weight, quantity ORDER BY e NULLS LAST LIMIT 1

--- no real value is NULL
SELECT SQRT(CASE WHEN -1 >= 0 THEN CAST(-1 AS DOUBLE) END) AS a, LN(CASE WHEN 0 > 0 THEN CAST(0 AS DOUBLE) END) AS b, LN(CASE WHEN -2 > 0 THEN CAST(-2 AS DOUBLE) END) AS c, CASE WHEN -8 > 0 OR (-8 = 0 AND 0.5 >= 0) OR (-8 < 0 AND 0.5 = RINT(CAST(0.5 AS DOUBLE))) THEN POWER(CAST(-8 AS DOUBLE), CAST(0.5 AS DOUBLE)) END AS d, CASE WHEN 0 > 0 OR (0 = 0 AND -1 >= 0) OR (0 < 0 AND -1 = RINT(CAST(-1 AS DOUBLE))) THEN POWER(CAST(0 AS DOUBLE), CAST(-1 AS DOUBLE)) END AS e, CASE WHEN 1000 < -700 THEN 0 WHEN 1000 <= 709 THEN EXP(CAST(1000 AS DOUBLE)) END AS f, CASE WHEN -800 < -700 THEN 0 WHEN -800 <= 709 THEN EXP(CAST(-800 AS DOUBLE)) END AS g

--- rounding
SELECT id, ROUND(CAST(CAST(weight AS STRING) AS DECIMAL(38, 10)), 0) AS w, ROUND(CAST(CAST(weight AS STRING) AS DECIMAL(38, 10)), 2) AS w2, ROUND(CAST(CAST(amount AS STRING) AS DECIMAL(38, 10)), 1) AS a, ROUND(CAST(CAST(2.5 AS STRING) AS DECIMAL(38, 10)), 0) AS up, ROUND(CAST(CAST(-2.5 AS STRING) AS DECIMAL(38, 10)), 0) AS down, ROUND(CAST(CAST(CAST(1.005 AS DOUBLE) AS STRING) AS DECIMAL(38, 10)), 2) AS tie, CASE WHEN ABS(weight) < 9007199254740992 THEN FLOOR(weight) ELSE weight END AS f, CASE WHEN ABS(amount) < 9007199254740992 THEN CEIL(amount) ELSE amount END AS c, CASE WHEN ABS(weight) < 9007199254740992 THEN CASE WHEN weight < 0 THEN CEIL(weight) ELSE FLOOR(weight) END ELSE weight END AS t, CAST(SIGN(weight) AS INT) AS s FROM orders ORDER BY id NULLS LAST

--- powers
SELECT id, SQRT(CASE WHEN ABS(weight) >= 0 THEN CAST(ABS(weight) AS DOUBLE) END) AS root, LN(CASE WHEN ABS(weight) + 1 > 0 THEN CAST(ABS(weight) + 1 AS DOUBLE) END) AS l, CASE WHEN CAST(weight AS DOUBLE) / 50 < -700 THEN 0 WHEN CAST(weight AS DOUBLE) / 50 <= 709 THEN EXP(CAST(CAST(weight AS DOUBLE) / 50 AS DOUBLE)) END AS e, CASE WHEN weight > 0 OR (weight = 0 AND 2 >= 0) OR (weight < 0 AND 2 = RINT(CAST(2 AS DOUBLE))) THEN POWER(CAST(weight AS DOUBLE), CAST(2 AS DOUBLE)) END AS p FROM orders ORDER BY id NULLS LAST

--- casts
SELECT CASE WHEN TYPEOF(2.5) IN ('double', 'float') THEN CAST(RINT(CAST(2.5 AS DOUBLE)) AS BIGINT) WHEN TYPEOF(2.5) LIKE 'decimal%' THEN CAST(ROUND(CAST(2.5 AS DECIMAL(38, 10)), 0) AS BIGINT) ELSE CAST(2.5 AS BIGINT) END AS a, CASE WHEN TYPEOF(CAST(2.5 AS DOUBLE)) IN ('double', 'float') THEN CAST(RINT(CAST(CAST(2.5 AS DOUBLE) AS DOUBLE)) AS BIGINT) WHEN TYPEOF(CAST(2.5 AS DOUBLE)) LIKE 'decimal%' THEN CAST(ROUND(CAST(CAST(2.5 AS DOUBLE) AS DECIMAL(38, 10)), 0) AS BIGINT) ELSE CAST(CAST(2.5 AS DOUBLE) AS BIGINT) END AS b, CAST('2021-03-28' AS DATE) AS d, CAST(day AS TIMESTAMP_NTZ) AS t, CAST(`at` AS DATE) AS u, CAST(id AS STRING) AS s, CAST(amount AS STRING) AS m, CAST(day AS STRING) AS v, CAST(amount AS DECIMAL(10, 1)) AS n, CAST(paid AS STRING) AS p, CAST('12.5' AS DOUBLE) AS f FROM orders ORDER BY id NULLS LAST

--- decimals stay decimals
SELECT amount * 1.5 AS a, amount + 0.001 AS b, SUM(amount * amount) AS c, -amount AS d FROM orders GROUP BY amount ORDER BY amount NULLS LAST

--- big whole numbers
SELECT SUM(big) AS s, MAX(big) AS m, SUM(big - 4611686018427387904) AS small FROM orders

--- NULL-safe equality
SELECT COUNT(NULLIF(a.city IS NOT DISTINCT FROM b.city, FALSE)) AS same, COUNT(NULLIF(a.city IS DISTINCT FROM b.city, FALSE)) AS other, COUNT(NULLIF(a.city = b.city, FALSE)) AS equal FROM orders AS a CROSS JOIN orders AS b

--- three-valued logic
SELECT COUNT(NULLIF(paid, FALSE)) AS t, COUNT(NULLIF(NOT paid, FALSE)) AS f, COUNT(NULLIF(paid IS NULL, FALSE)) AS n, COUNT(NULLIF(paid OR quantity > 0, FALSE)) AS o, COUNT(NULLIF(paid AND quantity > 0, FALSE)) AS a, COUNT(NULLIF(city IN ('Oslo', NULL), FALSE)) AS i, COUNT(NULLIF(NOT city IN ('Oslo'), FALSE)) AS x FROM orders

--- joins
SELECT o.id, r.rate FROM orders AS o LEFT JOIN rates AS r ON o.customer = r.customer AND o.`at` >= r.since ORDER BY o.id NULLS LAST, r.rate NULLS LAST

--- join in parentheses
SELECT o.id, r.rate, s.city FROM orders AS o LEFT JOIN (rates AS r LEFT JOIN orders AS s ON s.customer = r.customer AND s.amount > r.rate) ON o.customer = r.customer AND o.`at` >= r.since ORDER BY o.id NULLS LAST, r.rate NULLS LAST, s.city NULLS LAST, s.id NULLS LAST

--- join in parentheses from a series
SELECT o.id, number, r.rate FROM orders AS o LEFT JOIN ((SELECT EXPLODE(CASE WHEN CAST(1 AS BIGINT) <= CAST(3 AS BIGINT) THEN SEQUENCE(CAST(1 AS BIGINT), CAST(3 AS BIGINT), CAST(1 AS BIGINT)) END) AS number) AS n JOIN rates AS r ON r.customer = n.number) ON o.customer = r.customer ORDER BY o.id NULLS LAST, r.rate NULLS LAST

--- full join using
SELECT customer, COUNT(*) AS n FROM rates FULL JOIN (SELECT DISTINCT customer FROM orders) AS o USING (customer) GROUP BY customer ORDER BY customer NULLS LAST

--- subqueries
SELECT id, (SELECT MAX(rate) FROM rates AS r WHERE r.customer = o.customer) AS top FROM orders AS o WHERE EXISTS(SELECT 1 FROM rates AS r WHERE r.customer = o.customer) AND customer IN (SELECT customer FROM rates) ORDER BY id NULLS LAST

--- as-of join
SELECT o.id, o.`at`, r.rate, r.since FROM orders AS o INNER JOIN LATERAL (SELECT * FROM rates AS r WHERE o.customer = r.customer AND o.`at` >= r.since ORDER BY r.since DESC NULLS LAST LIMIT 1) AS r ON TRUE ORDER BY o.id NULLS LAST

--- as-of left join
SELECT o.id, r.rate FROM orders AS o LEFT JOIN LATERAL (SELECT * FROM rates AS r WHERE o.customer = r.customer AND r.since < o.`at` ORDER BY r.since DESC NULLS LAST LIMIT 1) AS r ON TRUE ORDER BY o.id NULLS LAST

--- as-of join forwards
SELECT o.id, r.rate FROM orders AS o LEFT JOIN LATERAL (SELECT * FROM rates AS r WHERE o.customer = r.customer AND o.`at` <= r.since ORDER BY r.since NULLS LAST LIMIT 1) AS r ON TRUE ORDER BY o.id NULLS LAST

--- with and union
WITH big AS (SELECT id FROM orders WHERE amount > 5), small AS (SELECT id FROM orders WHERE amount < 1) SELECT 'big' AS size, COUNT(*) AS n FROM big UNION ALL SELECT 'small', COUNT(*) FROM small UNION ALL (SELECT 'all', COUNT(*) FROM orders) ORDER BY size NULLS LAST

--- except and intersect
SELECT customer FROM orders EXCEPT SELECT customer FROM rates ORDER BY customer NULLS LAST

--- windows
SELECT id, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY `at` NULLS LAST, id NULLS LAST) AS n, SUM(quantity) OVER (PARTITION BY customer ORDER BY id NULLS LAST ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS moving, LAG(amount) OVER (ORDER BY id NULLS LAST) AS before, LEAD(id, 2, 0) OVER (ORDER BY id NULLS LAST) AS after, AVG(CAST(quantity AS DOUBLE)) OVER (PARTITION BY customer) AS mean, RANK() OVER (ORDER BY city DESC NULLS LAST) AS place, NTILE(4) OVER (ORDER BY id NULLS LAST) AS part, FIRST_VALUE(city) OVER (PARTITION BY customer ORDER BY id DESC NULLS LAST) AS newest FROM orders ORDER BY id NULLS LAST

--- named window
SELECT id, SUM(quantity) OVER w AS s, COUNT(*) OVER w AS n FROM orders WINDOW w AS (PARTITION BY customer ORDER BY id NULLS LAST) ORDER BY id NULLS LAST

--- range window
SELECT id, COUNT(*) OVER (ORDER BY day NULLS LAST RANGE BETWEEN INTERVAL '3' DAY PRECEDING AND CURRENT ROW) AS n FROM orders ORDER BY id NULLS LAST

--- distinct on
SELECT customer, id FROM orders QUALIFY ROW_NUMBER() OVER (PARTITION BY customer ORDER BY customer NULLS LAST, `at` DESC NULLS LAST, id NULLS LAST) = 1 ORDER BY customer NULLS LAST, `at` DESC NULLS LAST, id NULLS LAST

--- first and last
SELECT customer, (MIN(NAMED_STRUCT('t', `at`, 'x', city)) FILTER (WHERE city IS NOT NULL AND `at` IS NOT NULL)).x AS first, (MAX(NAMED_STRUCT('t', `at`, 'x', amount)) FILTER (WHERE amount IS NOT NULL AND `at` IS NOT NULL)).x AS last, (MAX(NAMED_STRUCT('t', customer, 'x', id)) FILTER (WHERE id IS NOT NULL AND customer IS NOT NULL)).x AS tie, (MIN(NAMED_STRUCT('t', quantity, 'x', id)) FILTER (WHERE id IS NOT NULL AND quantity IS NOT NULL AND (paid))).x AS paid FROM orders GROUP BY customer ORDER BY customer NULLS LAST

--- rollup
SELECT customer, paid, COUNT(*) AS n FROM orders GROUP BY GROUPING SETS ((customer, paid), (customer), ()) ORDER BY customer NULLS LAST, paid NULLS LAST, n NULLS LAST

--- having
SELECT customer, SUM(amount) AS total FROM orders GROUP BY customer HAVING COUNT(*) > 8 AND SUM(amount) > 0 ORDER BY total DESC NULLS LAST

--- strings together
SELECT customer, LISTAGG(city, ', ') WITHIN GROUP (ORDER BY city NULLS LAST, id NULLS LAST) AS cities FROM orders GROUP BY customer ORDER BY customer NULLS LAST

--- local days over both changes of the clock
SELECT CAST(CONVERT_TIMEZONE('UTC', 'Europe/Berlin', CAST(CAST(`at` AS TIMESTAMP_LTZ) AS TIMESTAMP_NTZ)) AS DATE) AS spring, CAST(CONVERT_TIMEZONE('UTC', 'America/New_York', CAST(CAST(autumn AS TIMESTAMP_LTZ) AS TIMESTAMP_NTZ)) AS DATE) AS autumn, COUNT(*) AS n FROM orders GROUP BY spring, autumn ORDER BY spring NULLS LAST, autumn NULLS LAST

--- what the clock shows
SELECT id, CONVERT_TIMEZONE('UTC', 'Europe/Berlin', CAST(CAST(`at` AS TIMESTAMP_LTZ) AS TIMESTAMP_NTZ)) AS t, CAST(CONVERT_TIMEZONE('UTC', :zone, CAST(CAST(autumn AS TIMESTAMP_LTZ) AS TIMESTAMP_NTZ)) AS DATE) AS d, CAST(CASE WHEN CONVERT_TIMEZONE('UTC', 'America/Sao_Paulo', CONVERT_TIMEZONE('America/Sao_Paulo', 'UTC', CAST(day AS TIMESTAMP_NTZ) + INTERVAL '1' DAY) - INTERVAL '1' DAY) = CAST(day AS TIMESTAMP_NTZ) THEN CONVERT_TIMEZONE('America/Sao_Paulo', 'UTC', CAST(day AS TIMESTAMP_NTZ) + INTERVAL '1' DAY) - INTERVAL '1' DAY ELSE CONVERT_TIMEZONE('America/Sao_Paulo', 'UTC', CAST(day AS TIMESTAMP_NTZ)) END AS TIMESTAMP_LTZ) AS m, CAST(CASE WHEN CONVERT_TIMEZONE('UTC', 'Asia/Kathmandu', CONVERT_TIMEZONE('Asia/Kathmandu', 'UTC', CAST(CAST(CONVERT_TIMEZONE('UTC', 'Asia/Kathmandu', CAST(CAST(`at` AS TIMESTAMP_LTZ) AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ) + INTERVAL '1' DAY) - INTERVAL '1' DAY) = CAST(CAST(CONVERT_TIMEZONE('UTC', 'Asia/Kathmandu', CAST(CAST(`at` AS TIMESTAMP_LTZ) AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ) THEN CONVERT_TIMEZONE('Asia/Kathmandu', 'UTC', CAST(CAST(CONVERT_TIMEZONE('UTC', 'Asia/Kathmandu', CAST(CAST(`at` AS TIMESTAMP_LTZ) AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ) + INTERVAL '1' DAY) - INTERVAL '1' DAY ELSE CONVERT_TIMEZONE('Asia/Kathmandu', 'UTC', CAST(CAST(CONVERT_TIMEZONE('UTC', 'Asia/Kathmandu', CAST(CAST(`at` AS TIMESTAMP_LTZ) AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ)) END AS TIMESTAMP_LTZ) AS start FROM orders WHERE day > :since ORDER BY id NULLS LAST

--- clock times that do not or twice exist
SELECT CAST(CASE WHEN CONVERT_TIMEZONE('UTC', 'Europe/Berlin', CONVERT_TIMEZONE('Europe/Berlin', 'UTC', CAST(CAST('2021-03-28 02:30:00' AS TIMESTAMP_NTZ) AS TIMESTAMP_NTZ) + INTERVAL '1' DAY) - INTERVAL '1' DAY) = CAST(CAST('2021-03-28 02:30:00' AS TIMESTAMP_NTZ) AS TIMESTAMP_NTZ) THEN CONVERT_TIMEZONE('Europe/Berlin', 'UTC', CAST(CAST('2021-03-28 02:30:00' AS TIMESTAMP_NTZ) AS TIMESTAMP_NTZ) + INTERVAL '1' DAY) - INTERVAL '1' DAY ELSE CONVERT_TIMEZONE('Europe/Berlin', 'UTC', CAST(CAST('2021-03-28 02:30:00' AS TIMESTAMP_NTZ) AS TIMESTAMP_NTZ)) END AS TIMESTAMP_LTZ) AS gone, CAST(CASE WHEN CONVERT_TIMEZONE('UTC', 'Europe/Berlin', CONVERT_TIMEZONE('Europe/Berlin', 'UTC', CAST(CAST('2021-10-31 02:30:00' AS TIMESTAMP_NTZ) AS TIMESTAMP_NTZ) + INTERVAL '1' DAY) - INTERVAL '1' DAY) = CAST(CAST('2021-10-31 02:30:00' AS TIMESTAMP_NTZ) AS TIMESTAMP_NTZ) THEN CONVERT_TIMEZONE('Europe/Berlin', 'UTC', CAST(CAST('2021-10-31 02:30:00' AS TIMESTAMP_NTZ) AS TIMESTAMP_NTZ) + INTERVAL '1' DAY) - INTERVAL '1' DAY ELSE CONVERT_TIMEZONE('Europe/Berlin', 'UTC', CAST(CAST('2021-10-31 02:30:00' AS TIMESTAMP_NTZ) AS TIMESTAMP_NTZ)) END AS TIMESTAMP_LTZ) AS twice, CAST(CASE WHEN CONVERT_TIMEZONE('UTC', 'America/Sao_Paulo', CONVERT_TIMEZONE('America/Sao_Paulo', 'UTC', CAST(CAST('2018-11-04' AS DATE) AS TIMESTAMP_NTZ) + INTERVAL '1' DAY) - INTERVAL '1' DAY) = CAST(CAST('2018-11-04' AS DATE) AS TIMESTAMP_NTZ) THEN CONVERT_TIMEZONE('America/Sao_Paulo', 'UTC', CAST(CAST('2018-11-04' AS DATE) AS TIMESTAMP_NTZ) + INTERVAL '1' DAY) - INTERVAL '1' DAY ELSE CONVERT_TIMEZONE('America/Sao_Paulo', 'UTC', CAST(CAST('2018-11-04' AS DATE) AS TIMESTAMP_NTZ)) END AS TIMESTAMP_LTZ) AS midnight

--- truncated days
SELECT CAST(DATE_TRUNC('week', CAST(day AS TIMESTAMP_NTZ)) AS TIMESTAMP_NTZ) AS w, CAST(DATE_TRUNC('month', CAST(`at` AS TIMESTAMP_NTZ)) AS TIMESTAMP_NTZ) AS m, CAST(DATE_TRUNC('quarter', CAST(clock AS TIMESTAMP_NTZ)) AS TIMESTAMP_NTZ) AS q, CAST(DATE_TRUNC('week', CAST(day AS TIMESTAMP_NTZ)) AS DATE) AS monday, (CAST(DATE_TRUNC('week', CAST(CAST(day AS DATE) + 1 AS TIMESTAMP_NTZ)) AS DATE) - 1) AS sunday, (CAST(DATE_TRUNC('week', CAST(CAST(day AS DATE) + 2 AS TIMESTAMP_NTZ)) AS DATE) - 2) AS saturday FROM orders ORDER BY id NULLS LAST

--- parts of a day
SELECT CAST(EXTRACT(YEAR FROM day) AS BIGINT) AS y, CAST(EXTRACT(MONTH FROM `at`) AS BIGINT) AS m, EXTRACT(DAYOFWEEK_ISO FROM day) AS d, EXTRACT(WEEK FROM day) AS w, EXTRACT(DOY FROM day) AS n, EXTRACT(YEAROFWEEK FROM day) AS i, CAST(EXTRACT(HOUR FROM clock) AS BIGINT) AS h, CAST(EXTRACT(QUARTER FROM day) AS BIGINT) AS q FROM orders ORDER BY id NULLS LAST

--- counting days
SELECT DATE_ADD(CAST(day AS DATE), CAST(quantity AS INT)) AS d, ADD_MONTHS(CAST(day AS DATE), CAST(1 AS INT)) AS m, DATEDIFF(CAST(CAST('2021-01-01' AS DATE) AS DATE), CAST(day AS DATE)) AS n, day + INTERVAL '7' DAY AS w, ((UNIX_MICROS(CAST(autumn AS TIMESTAMP_LTZ)) - UNIX_MICROS(CAST(`at` AS TIMESTAMP_LTZ))) / 1e6) AS s, ((UNIX_MICROS(CAST(`at` AS TIMESTAMP_LTZ)) - UNIX_MICROS(CAST(clock AS TIMESTAMP_LTZ))) / 1e6) AS long, TIMESTAMP_MICROS(UNIX_MICROS(CAST(`at` AS TIMESTAMP_LTZ)) + CAST(RINT(CAST(1.5 AS DOUBLE) * 1e6) AS BIGINT)) AS later FROM orders ORDER BY id NULLS LAST

--- series of days
SELECT day, COUNT(o.id) AS n FROM (SELECT EXPLODE(CASE WHEN CAST(:since AS DATE) <= CAST(:until AS DATE) THEN SEQUENCE(CAST(:since AS DATE), CAST(:until AS DATE), INTERVAL '1' DAY) END) AS day) AS d LEFT JOIN orders AS o USING (day) GROUP BY day ORDER BY day NULLS LAST

--- series of numbers
SELECT number, number * number AS square FROM (SELECT EXPLODE(CASE WHEN CAST(-2 AS BIGINT) <= CAST(3 AS BIGINT) THEN SEQUENCE(CAST(-2 AS BIGINT), CAST(3 AS BIGINT), CAST(1 AS BIGINT)) END) AS number) AS number_series ORDER BY number NULLS LAST

--- series that is empty
SELECT COUNT(*) AS n FROM (SELECT EXPLODE(CASE WHEN CAST('2021-01-02' AS DATE) <= CAST('2021-01-01' AS DATE) THEN SEQUENCE(CAST('2021-01-02' AS DATE), CAST('2021-01-01' AS DATE), INTERVAL '1' DAY) END) AS day) AS day_series

--- values
SELECT a, b FROM VALUES (1, 'x'), (2, NULL), (3, 'É') AS v(a, b) ORDER BY b DESC NULLS LAST

--- buckets
SELECT id, CAST(CONV(SUBSTR(MD5(CAST('salt' AS STRING) || ':' || CAST(id AS STRING)), 1, 15), 16, 10) AS BIGINT) AS b, CAST(CONV(SUBSTR(MD5(CAST('salt' AS STRING) || ':' || CAST(city AS STRING)), 1, 15), 16, 10) AS BIGINT) AS c, CAST(CONV(SUBSTR(MD5(CAST('checkout' AS STRING) || ':' || CAST(id AS STRING)), 1, 15), 16, 10) AS BIGINT) % 100 AS percent FROM orders ORDER BY id NULLS LAST

--- texts
SELECT id, LENGTH(city) AS n, TRIM(city) AS t, REPLACE(city, 'o', '0') AS r, SPLIT_PART(city, 'l', 1) AS s, LEFT(city, 2) AS l, RIGHT(city, 2) AS e, LPAD(city, 4, '*') AS p, CONCAT_WS('', CAST(city AS STRING), CAST('/' AS STRING), CAST(id AS STRING)) AS c, CONCAT_WS(CAST('-' AS STRING), CAST(city AS STRING), CAST('x' AS STRING)) AS w, city || '!' AS j, MD5(city) AS h, STARTSWITH(city, 'O') AS b, (INSTR(city, 'sl') > 0) AS i, INSTR(city, 'l') AS `at`, SUBSTR(city, GREATEST(2, 1), 2) AS u, SUBSTR(city, GREATEST(0, 1), 2) AS z, REVERSE(city) AS v FROM orders ORDER BY id NULLS LAST

--- likes
SELECT id FROM orders WHERE city LIKE REPLACE('a\\_b', '\\', '\\\\') OR city LIKE REPLACE('O_lo', '\\', '\\\\') OR city LIKE REPLACE('%\'%', '\\', '\\\\') OR city LIKE 'a!_b' ESCAPE '!' ORDER BY id NULLS LAST

--- choices
SELECT id, COALESCE(amount, 0) AS a, NULLIF(quantity, 0) AS q, GREATEST(quantity, 1, NULL) AS g, LEAST(weight, 0) AS l, CASE quantity WHEN 1 THEN 10 WHEN 2 THEN 20 END AS c, IF(paid, 1, 0) AS p FROM orders ORDER BY id NULLS LAST

--- nothing at all
SELECT id, city, amount, weight, day, `at`, paid FROM empty

--- sums of nothing
SELECT COUNT(*) AS n, SUM(amount) AS s, AVG(CAST(weight AS DOUBLE)) AS a, MAX(city) AS m, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(weight AS DOUBLE)) AS q, SUM(big) AS b, (MIN(NAMED_STRUCT('t', `at`, 'x', id)) FILTER (WHERE id IS NOT NULL AND `at` IS NOT NULL)).x AS f FROM empty

--- groups of nothing
SELECT city, SUM(amount) AS s FROM empty GROUP BY city

--- hostile names
SELECT `we"ird` AS `a;b`, `Größe; --`, `select`, `UPPER` AS `Total` FROM `order; drop table x` ORDER BY `we"ird` DESC NULLS LAST

--- a star over hostile names
SELECT * FROM `order; drop table x` AS t ORDER BY `UPPER` NULLS LAST

--- a name with dots
SELECT COUNT(*) AS n FROM `Ünïcode.with.dots`

--- names nobody gave
SELECT COUNT(*), SUM(quantity), MAX(city) FROM orders

--- hostile values
SELECT id, :text AS t FROM orders WHERE city = :city OR city = :text ORDER BY id NULLS LAST

--- every kind of value
SELECT :i + 1 AS i, :b AS b, :f AS f, :s AS s, :d AS d, :t AS t, :z AS z, :m AS m, :n AS n, :huge AS huge, CAST(:i AS DOUBLE) / 2 AS half

--- ranges of values
SELECT COUNT(*) AS n FROM orders WHERE day BETWEEN :since AND :until AND `at` >= :at AND amount > :amount

--- more of texts
SELECT id, RTRIM(LTRIM(city)) AS t, RPAD(city, 5, '.') AS p, REPEAT(city, 2) AS r, SUBSTR(city, GREATEST(1, 1), 1) AS s, COALESCE(city, '-') AS i FROM orders ORDER BY id NULLS LAST

--- all, any, and spread over everybody
SELECT customer, BOOL_AND(quantity > -3) AS every, BOOL_OR(paid) AS `some`, VAR_POP(CAST(weight AS DOUBLE)) AS v, STDDEV_SAMP(CAST(amount AS DOUBLE)) AS s, COVAR_POP(CAST(weight AS DOUBLE), CAST(quantity AS DOUBLE)) AS c, (MIN(NAMED_STRUCT('t', `at`, 'x', city)) FILTER (WHERE city IS NOT NULL AND `at` IS NOT NULL)).x AS f FROM orders GROUP BY customer ORDER BY customer NULLS LAST

--- ranks
SELECT id, DENSE_RANK() OVER (ORDER BY quantity DESC NULLS LAST) AS d, PERCENT_RANK() OVER (ORDER BY quantity NULLS LAST) AS p, CUME_DIST() OVER (ORDER BY quantity NULLS LAST) AS c, LAST_VALUE(id) OVER (ORDER BY id NULLS LAST ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS l FROM orders ORDER BY id NULLS LAST

--- more of numbers and days
SELECT id, CASE WHEN ABS(weight) < 9007199254740992 THEN CEIL(weight) ELSE weight END AS c, CASE WHEN weight > 0 OR (weight = 0 AND 3 >= 0) OR (weight < 0 AND 3 = RINT(CAST(3 AS DOUBLE))) THEN POWER(CAST(weight AS DOUBLE), CAST(3 AS DOUBLE)) END AS p, CAST(EXTRACT(DAY FROM `at`) AS BIGINT) AS d, CAST(EXTRACT(MINUTE FROM clock) AS BIGINT) AS m, ABS(amount) AS a FROM orders ORDER BY id NULLS LAST
