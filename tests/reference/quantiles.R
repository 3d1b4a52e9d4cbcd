# Values of survey 4.1-1 under R 4.2.2 for tests/reference/test_quantiles.py. Debian 12: apt-get install r-cran-survey
#   Rscript tests/reference/quantiles.R > tests/reference/quantiles.json
# Rows of units, alike within a unit: the error of the count below a quantile with units as clusters, and Woodruff's interval.
suppressMessages(suppressWarnings(library(survey)))
owner <- rep(1:400, times = 1 + (7 * (1:400)) %% 9)
k <- seq_along(owner)
value <- 200 + 80 * sin(1.7 * owner) + 20 * sin(2.3 * k + owner)
design <- svydesign(ids = ~owner, weights = ~1, data = data.frame(owner, value))
entries <- character()
for (p in c(.5, .9, .99)) {
  q <- unname(quantile(value, p, type = 7))
  below <- svymean(~as.numeric(value <= q), design)
  share <- as.numeric(coef(below)); se <- as.numeric(SE(below))
  found <- svyquantile(~value, design, quantiles = p, ci = TRUE, interval.type = "mean", qrule = "hf1", df = Inf)
  bounds <- confint(found)
  # The exact binomial interval of independent values, as ranks.
  n <- length(value)
  entries <- c(entries, sprintf(
    '  {"quantile": %.17g, "n": %d, "value": %.17g, "share": %.17g, "effect": %.17g, "low": %.17g, "high": %.17g, "rank_low": %d, "rank_high": %d}',
    p, n, q, share, se^2 * n / (share * (1 - share)), bounds[1], bounds[2],
    as.integer(qbinom(.025, n, p)), as.integer(qbinom(.975, n, p) + 1)))
}
cat("[\n", paste(entries, collapse = ",\n"), "\n]\n", sep = "")
