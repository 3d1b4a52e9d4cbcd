# Values of survey 4.1-1 under R 4.2.2 for tests/reference/test_stratified_quantiles.py. Debian 12: apt-get install r-cran-survey
#   Rscript tests/reference/stratified_quantiles.R > tests/reference/stratified_quantiles.json
# One arm of a ramp with three stages, of which the arm has other shares than the population: units with one value, and
# units with none to eight rows. A stratified design with weights; the error of the share at or below the quantile, and
# the values at Woodruff's levels about the quantile.
suppressMessages(suppressWarnings(library(survey)))
shares <- c(0.3, 0.5, 0.2)
units <- data.frame(unit = 1:460, stage = rep(1:3, times = c(40, 300, 120)))
units$weight <- (shares / c(40, 300, 120))[units$stage]
units$value <- 100 * units$stage^0.7 + 60 * sin(1.7 * units$unit) + 0.01 * units$unit
units$rows <- (7 * units$unit) %% 9
rows <- units[rep(seq_len(nrow(units)), pmax(units$rows, 1)), ]
rows$there <- rows$rows > 0
k <- seq_len(nrow(rows))
rows$value <- rows$value + 20 * sin(2.3 * k + rows$unit)
of_units <- svydesign(ids = ~unit, strata = ~stage, weights = ~weight, data = units)
# Units without rows are sampled units outside of the domain.
of_rows <- subset(svydesign(ids = ~unit, strata = ~stage, weights = ~weight, data = rows), there)
quantile_at <- function(design, level) {
  found <- svyquantile(~value, design, quantiles = level, ci = FALSE, qrule = "hf1")
  as.numeric(found$value)
}
entries <- character()
for (kind in c("units", "rows")) {
  design <- if (kind == "units") of_units else of_rows
  for (p in c(.25, .5, .9)) {
    q <- quantile_at(design, p)
    below <- svymean(~as.numeric(value <= q), design)
    se <- as.numeric(SE(below))
    bounds <- sapply(p + c(-1, 1) * qnorm(.975) * se, function(level) quantile_at(design, level))
    entries <- c(entries, sprintf(
      '  {"kind": "%s", "quantile": %.17g, "n": %d, "value": %.17g, "share": %.17g, "error": %.17g, "low": %.17g, "high": %.17g}',
      kind, p, nrow(design$variables), q, as.numeric(coef(below)), se, bounds[1], bounds[2]))
  }
}
cat("[\n", paste(entries, collapse = ",\n"), "\n]\n", sep = "")
