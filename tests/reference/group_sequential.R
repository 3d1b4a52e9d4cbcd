# Values of rpact 3.3.4 under R 4.2.2 for tests/reference/test_group_sequential.py. Debian 12: apt-get install r-base-core r-cran-rpact
#   Rscript tests/reference/group_sequential.R > tests/reference/group_sequential.json
suppressMessages(suppressWarnings(library(rpact)))
numbers <- function(x) paste0("[", paste(formatC(x, digits = 15, format = "g"), collapse = ", "), "]")
entries <- character()
keep <- function(name, ...) {
  values <- list(...)
  fields <- mapply(function(key, value) sprintf('"%s": %s', key, numbers(value)), names(values), values)
  entries <<- c(entries, sprintf('  "%s": {%s}', name, paste(fields, collapse = ", ")))
}
quiet <- function(expression) suppressWarnings(suppressMessages(expression))

for (spending in c("bsP", "bsOF", "bsKD", "bsHSD")) for (binding in c(FALSE, TRUE)) {
  gamma <- if (spending == "bsKD") 2 else if (spending == "bsHSD") -3 else NA_real_
  d <- quiet(getDesignGroupSequential(informationRates = c(.2, .45, .7, 1), alpha = .025, beta = .2, typeOfDesign = "asOF",
    typeBetaSpending = spending, gammaB = gamma, bindingFutility = binding))
  keep(paste0("futility.one.", spending, if (binding) ".binding" else ".free"), upper = d$criticalValues,
    futility = d$futilityBounds, shift = getDesignCharacteristics(d)$shift)
}
d <- quiet(getDesignGroupSequential(informationRates = c(.25, .5, .75, 1), alpha = .05, beta = .2, sided = 2,
  typeOfDesign = "asOF", typeBetaSpending = "bsP", bindingFutility = TRUE))
keep("futility.two.bsP.binding", upper = d$criticalValues, futility = d$futilityBounds,
  shift = getDesignCharacteristics(d)$shift)

analyse <- function(name, type, means, gamma = NA_real_) {
  d <- getDesignGroupSequential(kMax = 3, alpha = .025, typeOfDesign = type, gammaA = gamma)
  n <- rep(100, length(means)); one <- rep(1, length(means))
  data <- getDataset(n1 = n, n2 = n, means1 = means, means2 = 0 * means, stDevs1 = one, stDevs2 = one)
  stage <- getStageResults(d, data, normalApproximation = TRUE)
  p <- getFinalPValue(stage)
  ci <- quiet(getFinalConfidenceInterval(d, data, normalApproximation = TRUE))
  rci <- quiet(getRepeatedConfidenceIntervals(d, data, normalApproximation = TRUE))
  keep(name, final_stage = p$finalStage, z = stage$overallTestStatistics[seq_along(means)],
    p = p$pFinal, median_unbiased = ci$medianUnbiasedGeneral, interval = ci$finalConfidenceIntervalGeneral,
    repeated_p = quiet(getRepeatedPValues(stage))[seq_along(means)],
    repeated_low = rci[1, seq_along(means)], repeated_high = rci[2, seq_along(means)])
}
out <- capture.output({
  analyse("stopped.asOF.last", "asOF", c(.3, .1, .35))
  analyse("stopped.asOF.second", "asOF", c(.35, .45))
  analyse("stopped.asP.first", "asP", c(.4))
  analyse("stopped.asP.last_negative", "asP", c(-.1, .05, -.15))
  analyse("stopped.asKD.second", "asKD", c(.25, .5), 2)
  d <- getDesignGroupSequential(kMax = 4, alpha = .025, typeOfDesign = "asOF")
  n <- rep(100, 2); one <- rep(1, 2)
  data <- getDataset(n1 = n, n2 = n, means1 = c(.2, .15), means2 = c(0, 0), stDevs1 = one, stDevs2 = one)
  stage <- getStageResults(d, data, stage = 2, normalApproximation = TRUE)
  cp <- getConditionalPower(stage, nPlanned = c(200, 200), thetaH1 = .2, assumedStDev = 1)
  keep("conditional.two_later", z = stage$overallTestStatistics[1:2], power = cp$conditionalPower[3:4])
})
cat("{\n", paste(entries, collapse = ",\n"), "\n}\n", sep = "")
