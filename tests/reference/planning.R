# Values of rpact 3.3.4 under R 4.2.2 for tests/reference/test_planning.py. Debian 12: apt-get install r-base-core r-cran-rpact
#   Rscript tests/reference/planning.R > tests/reference/planning.json
suppressMessages(suppressWarnings(library(rpact)))
entries <- character()
for (row in list(c(.1, .1, .01, 1), c(.1, .105, .01, 1 / 9), c(.5, .49, .03, 2), c(.02, .02, .005, 19))) {
  found <- getSampleSizeRates(groups = 2, thetaH0 = -row[3], pi1 = row[2], pi2 = row[1], alpha = .025, beta = .2,
    allocationRatioPlanned = row[4], normalApproximation = TRUE)
  n <- found$nFixed1 + found$nFixed2
  entries <- c(entries, sprintf('  {"control": %.17g, "treated": %.17g, "margin": %.17g, "ratio": %.17g, "units": %.17g}',
    row[1], row[2], row[3], row[4], n))
}
cat("[\n", paste(entries, collapse = ",\n"), "\n]\n", sep = "")
