SELECT unit,
  CASE WHEN arm_bucket < 576460752303423488 THEN 'control' WHEN arm_bucket < 807045053224792832 THEN 'a' WHEN arm_bucket < 1152921504606846976 THEN 'b' END AS arm,
  CASE WHEN enrolment_bucket < 115292150460684704 THEN 1 WHEN enrolment_bucket >= 115292150460684704 AND enrolment_bucket < 461168601842738816 THEN 2 END AS stage
FROM (
  SELECT `id` AS unit,
    CAST(conv(substr(md5(concat('page:arm', ':', CAST(`id` AS STRING))), 1, 15), 16, 10) AS BIGINT) AS arm_bucket,
    CAST(conv(substr(md5(concat('page:ramp', ':', CAST(`id` AS STRING))), 1, 15), 16, 10) AS BIGINT) AS enrolment_bucket
  FROM `units` WHERE `id` IS NOT NULL
) AS drawn
WHERE enrolment_bucket < 461168601842738816
