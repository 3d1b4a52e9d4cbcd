SELECT unit,
  CASE WHEN enrolment_bucket >= 576460752303423488 AND enrolment_bucket < 680223687718039721 THEN CASE WHEN arm_bucket < 576460752303423488 THEN 'control' WHEN arm_bucket < 1152921504606846976 THEN 'b' END WHEN (enrolment_bucket >= 288230376151711744 AND enrolment_bucket < 576460752303423488 OR enrolment_bucket >= 680223687718039721 AND enrolment_bucket < 807045053224792880) THEN CASE WHEN arm_bucket < 288230376151711724 THEN 'control' WHEN arm_bucket < 1152921504606846976 THEN 'b' END END AS arm,
  CASE WHEN enrolment_bucket >= 576460752303423488 AND enrolment_bucket < 680223687718039721 THEN 1 WHEN (enrolment_bucket >= 288230376151711744 AND enrolment_bucket < 576460752303423488 OR enrolment_bucket >= 680223687718039721 AND enrolment_bucket < 807045053224792880) THEN 2 END AS stage
FROM (
  SELECT `id` AS unit,
    CAST(conv(substr(md5(concat('page:arm', ':', CAST(`id` AS STRING))), 1, 15), 16, 10) AS BIGINT) AS arm_bucket,
    CAST(conv(substr(md5(concat('checkout:layer', ':', CAST(`id` AS STRING))), 1, 15), 16, 10) AS BIGINT) AS enrolment_bucket,
    CAST(conv(substr(md5(concat('steelyard:holdout', ':', CAST(`id` AS STRING))), 1, 15), 16, 10) AS BIGINT) AS holdout_bucket
  FROM `units` WHERE `id` IS NOT NULL
) AS drawn
WHERE enrolment_bucket >= 288230376151711744 AND enrolment_bucket < 807045053224792880 AND holdout_bucket >= 57646075230342352
