-- The shapes of query that Steelyard's SQL allows: each is answered alike by every engine (test_engines.py), and
-- its spelling is in tests/warehouse/golden/. A shape starts with `--- its name`.

--- count and sum
SELECT count(*) AS n, count(amount) AS paid, sum(amount) AS total, sum(quantity) AS pieces, sum(weight) AS kg
    FROM orders

--- group by with NULLs
SELECT city, count(*) AS n, min(day) AS first, max(at) AS last FROM orders GROUP BY city ORDER BY city

--- order descending
SELECT id, city FROM orders ORDER BY city DESC, id

--- order NULLS FIRST
SELECT id, amount FROM orders ORDER BY amount DESC NULLS FIRST, id LIMIT 12 OFFSET 3

--- order of texts
SELECT min(city) AS low, max(city) AS high, count_if(city < 'a') AS before FROM orders

--- order of labels
SELECT CASE WHEN quantity > 0 THEN 'new' WHEN quantity = 0 THEN 'Old' ELSE 'ärger' END AS label, count(*) AS n
    FROM orders GROUP BY label ORDER BY label

--- order of made texts
SELECT DISTINCT lower(city) AS small, upper(city) AS large FROM orders ORDER BY small DESC

--- means
SELECT avg(amount) AS a, avg(quantity) AS q, avg(weight) AS w, avg(big) AS b FROM orders

--- spread
SELECT var_samp(weight) AS v, stddev_pop(amount) AS s, covar_samp(weight, amount) AS c, corr(weight, amount) AS
    r, corr(weight, 1) AS none, var_samp(amount) FILTER (WHERE id = 1) AS one FROM orders

--- quantiles
SELECT customer, quantile_cont(weight, 0.9) AS q90, quantile_cont(amount, 0.25) AS q25, median(quantity) AS m
    FROM orders GROUP BY customer ORDER BY customer

--- quantile of a share that is bound
SELECT quantile_cont(weight, $q) AS q FROM orders

--- filters
SELECT count(*) FILTER (WHERE paid) AS paid, sum(amount) FILTER (WHERE city IS NULL) AS nowhere, avg(weight)
    FILTER (WHERE quantity > 100) AS none, count(DISTINCT city) FILTER (WHERE amount > 0) AS cities FROM orders

--- division
SELECT id, quantity / 2 AS half, amount / quantity AS each, weight / quantity AS kg, 7 / 2 AS fixed, 1 / 3.0 AS
    third FROM orders ORDER BY id

--- division of whole numbers
SELECT id, quantity // 2 AS half, big // 1000003 AS small, -7 // 2 AS towards_zero, quantity % 2 AS rest, -7 % 3
    AS sign FROM orders ORDER BY id

--- division by zero is NULL
SELECT 1 / 0 AS a, 1 // 0 AS b, 1 % 0 AS c, 1.5 / 0.0 AS d, weight / (quantity - quantity) AS e, sum(amount) /
    count_if(FALSE) AS f FROM orders GROUP BY weight, quantity ORDER BY e LIMIT 1

--- no real value is NULL
SELECT sqrt(-1) AS a, ln(0) AS b, ln(-2) AS c, power(-8, 0.5) AS d, power(0, -1) AS e, exp(1000) AS f, exp(-800)
    AS g

--- rounding
SELECT id, round(weight) AS w, round(weight, 2) AS w2, round(amount, 1) AS a, round(2.5) AS up, round(-2.5) AS
    down, round(CAST(1.005 AS DOUBLE), 2) AS tie, floor(weight) AS f, ceil(amount) AS c, trunc(weight) AS t,
    sign(weight) AS s FROM orders ORDER BY id

--- powers
SELECT id, sqrt(abs(weight)) AS root, ln(abs(weight) + 1) AS l, exp(weight / 50) AS e, power(weight, 2) AS p
    FROM orders ORDER BY id

--- casts
SELECT CAST(2.5 AS BIGINT) AS a, CAST(CAST(2.5 AS DOUBLE) AS BIGINT) AS b, CAST('2021-03-28' AS DATE) AS d,
    CAST(day AS TIMESTAMP) AS t, CAST(at AS DATE) AS u, CAST(id AS VARCHAR) AS s, CAST(amount AS VARCHAR) AS m,
    CAST(day AS VARCHAR) AS v, CAST(amount AS DECIMAL(10, 1)) AS n, CAST(paid AS VARCHAR) AS p, CAST('12.5' AS
    DOUBLE) AS f FROM orders ORDER BY id

--- decimals stay decimals
SELECT amount * 1.5 AS a, amount + 0.001 AS b, sum(amount * amount) AS c, -amount AS d FROM orders GROUP BY
    amount ORDER BY amount

--- big whole numbers
SELECT sum(big) AS s, max(big) AS m, sum(big - 4611686018427387904) AS small FROM orders

--- NULL-safe equality
SELECT count_if(a.city IS NOT DISTINCT FROM b.city) AS same, count_if(a.city IS DISTINCT FROM b.city) AS other,
    count_if(a.city = b.city) AS equal FROM orders AS a CROSS JOIN orders AS b

--- three-valued logic
SELECT count_if(paid) AS t, count_if(NOT paid) AS f, count_if(paid IS NULL) AS n, count_if(paid OR quantity > 0)
    AS o, count_if(paid AND quantity > 0) AS a, count_if(city IN ('Oslo', NULL)) AS i, count_if(city NOT IN
    ('Oslo')) AS x FROM orders

--- joins
SELECT o.id, r.rate FROM orders AS o LEFT JOIN rates AS r ON o.customer = r.customer AND o.at >= r.since ORDER
    BY o.id, r.rate

--- join in parentheses
SELECT o.id, r.rate, s.city FROM orders AS o LEFT JOIN (rates AS r LEFT JOIN orders AS s ON s.customer = r.customer
    AND s.amount > r.rate) ON o.customer = r.customer AND o.at >= r.since ORDER BY o.id, r.rate, s.city, s.id

--- join in parentheses from a series
SELECT o.id, number, r.rate FROM orders AS o LEFT JOIN (number_series(1, 3) AS n JOIN rates AS r ON r.customer =
    n.number) ON o.customer = r.customer ORDER BY o.id, r.rate

--- full join using
SELECT customer, count(*) AS n FROM rates FULL JOIN (SELECT DISTINCT customer FROM orders) AS o USING (customer)
    GROUP BY customer ORDER BY customer

--- subqueries
SELECT id, (SELECT max(rate) FROM rates AS r WHERE r.customer = o.customer) AS top FROM orders AS o WHERE EXISTS
    (SELECT 1 FROM rates AS r WHERE r.customer = o.customer) AND customer IN (SELECT customer FROM rates) ORDER
    BY id

--- as-of join
SELECT o.id, o.at, r.rate, r.since FROM orders AS o ASOF JOIN rates AS r ON o.customer = r.customer AND o.at >=
    r.since ORDER BY o.id

--- as-of left join
SELECT o.id, r.rate FROM orders AS o ASOF LEFT JOIN rates AS r ON o.customer = r.customer AND r.since < o.at
    ORDER BY o.id

--- as-of join forwards
SELECT o.id, r.rate FROM orders AS o ASOF LEFT JOIN rates AS r ON o.customer = r.customer AND o.at <= r.since
    ORDER BY o.id

--- with and union
WITH big AS (SELECT id FROM orders WHERE amount > 5), small AS (SELECT id FROM orders WHERE amount < 1) SELECT
    'big' AS size, count(*) AS n FROM big UNION ALL SELECT 'small', count(*) FROM small UNION ALL (SELECT 'all',
    count(*) FROM orders) ORDER BY size

--- except and intersect
SELECT customer FROM orders EXCEPT SELECT customer FROM rates ORDER BY customer

--- windows
SELECT id, row_number() OVER (PARTITION BY customer ORDER BY at, id) AS n, sum(quantity) OVER (PARTITION BY
    customer ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS moving, lag(amount) OVER (ORDER BY id) AS
    before, lead(id, 2, 0) OVER (ORDER BY id) AS after, avg(quantity) OVER (PARTITION BY customer) AS mean,
    rank() OVER (ORDER BY city DESC) AS place, ntile(4) OVER (ORDER BY id) AS part, first_value(city) OVER
    (PARTITION BY customer ORDER BY id DESC) AS newest FROM orders ORDER BY id

--- named window
SELECT id, sum(quantity) OVER w AS s, count(*) OVER w AS n FROM orders WINDOW w AS (PARTITION BY customer ORDER
    BY id) ORDER BY id

--- range window
SELECT id, count(*) OVER (ORDER BY day RANGE BETWEEN INTERVAL 3 DAY PRECEDING AND CURRENT ROW) AS n FROM orders
    ORDER BY id

--- qualify
SELECT customer, id FROM orders QUALIFY row_number() OVER (PARTITION BY customer ORDER BY weight DESC, id) = 1
    ORDER BY customer

--- distinct on
SELECT DISTINCT ON (customer) customer, id FROM orders ORDER BY customer, at DESC, id

--- first and last
SELECT customer, first_by(city, at) AS first, last_by(amount, at) AS last, arg_max(id, customer) AS tie,
    first_by(id, quantity) FILTER (WHERE paid) AS paid FROM orders GROUP BY customer ORDER BY customer

--- rollup
SELECT customer, paid, count(*) AS n FROM orders GROUP BY GROUPING SETS ((customer, paid), (customer), ()) ORDER
    BY customer, paid, n

--- having
SELECT customer, sum(amount) AS total FROM orders GROUP BY customer HAVING count(*) > 8 AND sum(amount) > 0
    ORDER BY total DESC

--- strings together
SELECT customer, string_agg(city, ', ' ORDER BY city, id) AS cities FROM orders GROUP BY customer ORDER BY
    customer

--- local days over both changes of the clock
SELECT local_date(at, 'Europe/Berlin') AS spring, local_date(autumn, 'America/New_York') AS autumn, count(*) AS
    n FROM orders GROUP BY spring, autumn ORDER BY spring, autumn

--- what the clock shows
SELECT id, local_time(at, 'Europe/Berlin') AS t, local_date(autumn, $zone) AS d, local_moment(day,
    'America/Sao_Paulo') AS m, local_moment(local_date(at, 'Asia/Kathmandu'), 'Asia/Kathmandu') AS start FROM
    orders WHERE day > $since ORDER BY id

--- clock times that do not or twice exist
SELECT local_moment(CAST('2021-03-28 02:30:00' AS TIMESTAMP), 'Europe/Berlin') AS gone,
    local_moment(CAST('2021-10-31 02:30:00' AS TIMESTAMP), 'Europe/Berlin') AS twice,
    local_moment(CAST('2018-11-04' AS DATE), 'America/Sao_Paulo') AS midnight

--- truncated days
SELECT date_trunc('week', day) AS w, date_trunc('month', at) AS m, date_trunc('quarter', clock) AS q,
    week_start(day) AS monday, week_start(day, 'sunday') AS sunday, week_start(day, 'saturday') AS saturday FROM
    orders ORDER BY id

--- parts of a day
SELECT year(day) AS y, month(at) AS m, EXTRACT(isodow FROM day) AS d, EXTRACT(week FROM day) AS w, EXTRACT(doy
    FROM day) AS n, EXTRACT(isoyear FROM day) AS i, hour(clock) AS h, quarter(day) AS q FROM orders ORDER BY id

--- counting days
SELECT add_days(day, quantity) AS d, add_months(day, 1) AS m, days_between(day, CAST('2021-01-01' AS DATE)) AS
    n, day + INTERVAL 7 DAY AS w, seconds_between(at, autumn) AS s, seconds_between(clock, at) AS long,
    add_seconds(at, 1.5) AS later FROM orders ORDER BY id

--- series of days
SELECT day, count(o.id) AS n FROM day_series($since, $until) AS d LEFT JOIN orders AS o USING (day) GROUP BY day
    ORDER BY day

--- series of numbers
SELECT number, number * number AS square FROM number_series(-2, 3) ORDER BY number

--- series that is empty
SELECT count(*) AS n FROM day_series('2021-01-02', '2021-01-01')

--- values
SELECT a, b FROM (VALUES (1, 'x'), (2, NULL), (3, 'É')) AS v(a, b) ORDER BY b DESC

--- buckets
SELECT id, bucket('salt', id) AS b, bucket('salt', city) AS c, bucket('checkout', id) % 100 AS percent FROM
    orders ORDER BY id

--- texts
SELECT id, length(city) AS n, trim(city) AS t, replace(city, 'o', '0') AS r, split_part(city, 'l', 1) AS s,
    left(city, 2) AS l, right(city, 2) AS e, lpad(city, 4, '*') AS p, concat(city, '/', id) AS c, concat_ws('-',
    city, 'x') AS w, city || '!' AS j, md5(city) AS h, starts_with(city, 'O') AS b, contains(city, 'sl') AS i,
    strpos(city, 'l') AS at, substr(city, 2, 2) AS u, substr(city, 0, 2) AS z, reverse(city) AS v FROM orders
    ORDER BY id

--- likes
SELECT id FROM orders WHERE city LIKE 'a\_b' OR city LIKE 'O_lo' OR city LIKE '%''%' OR city LIKE 'a!_b' ESCAPE
    '!' ORDER BY id

--- choices
SELECT id, coalesce(amount, 0) AS a, nullif(quantity, 0) AS q, greatest(quantity, 1, NULL) AS g, least(weight,
    0) AS l, CASE quantity WHEN 1 THEN 10 WHEN 2 THEN 20 END AS c, IF(paid, 1, 0) AS p FROM orders ORDER BY id

--- nothing at all
SELECT id, city, amount, weight, day, at, paid FROM empty

--- sums of nothing
SELECT count(*) AS n, sum(amount) AS s, avg(weight) AS a, max(city) AS m, median(weight) AS q, sum(big) AS b,
    first_by(id, at) AS f FROM empty

--- groups of nothing
SELECT city, sum(amount) AS s FROM empty GROUP BY city

--- hostile names
SELECT "we""ird" AS "a;b", "Größe; --", "select", "UPPER" AS "Total" FROM "order; drop table x" ORDER BY
    "we""ird" DESC

--- a star over hostile names
SELECT * FROM "order; drop table x" AS t ORDER BY "UPPER"

--- a name with dots
SELECT count(*) AS n FROM "Ünïcode.with.dots"

--- names nobody gave
SELECT count(*), sum(quantity), max(city) FROM orders

--- hostile values
SELECT id, $text AS t FROM orders WHERE city = $city OR city = $text ORDER BY id

--- every kind of value
SELECT $i + 1 AS i, $b AS b, $f AS f, $s AS s, $d AS d, $t AS t, $z AS z, $m AS m, $n AS n, $huge AS huge, $i /
    2 AS half

--- ranges of values
SELECT count(*) AS n FROM orders WHERE day BETWEEN $since AND $until AND at >= $at AND amount > $amount

--- more of texts
SELECT id, rtrim(ltrim(city)) AS t, rpad(city, 5, '.') AS p, repeat(city, 2) AS r, substring(city, 1, 1) AS s,
    ifnull(city, '-') AS i FROM orders ORDER BY id

--- all, any, and spread over everybody
SELECT customer, bool_and(quantity > -3) AS every, bool_or(paid) AS some, var_pop(weight) AS v, stddev_samp(amount) AS s,
    covar_pop(weight, quantity) AS c, arg_min(city, at) AS f FROM orders GROUP BY customer ORDER BY customer

--- ranks
SELECT id, dense_rank() OVER (ORDER BY quantity DESC) AS d, percent_rank() OVER (ORDER BY quantity) AS p,
    cume_dist() OVER (ORDER BY quantity) AS c, last_value(id) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS l
    FROM orders ORDER BY id

--- more of numbers and days
SELECT id, ceiling(weight) AS c, pow(weight, 3) AS p, day(at) AS d, minute(clock) AS m, abs(amount) AS a FROM orders ORDER BY id
