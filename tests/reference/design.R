# Values of base R 4.2.2 and rpact 3.3.4 for tests/reference/test_design.py. Debian 12: apt-get install r-base-core r-cran-rpact
#   Rscript tests/reference/design.R > tests/reference/design.json
suppressMessages(suppressWarnings(library(rpact)))
entries <- character()
keep <- function(name, value) entries <<- c(entries, sprintf('  "%s": %s', name, formatC(value, digits = 15, format = "g")))
quiet <- function(expression) suppressWarnings(suppressMessages(expression))

# One side of the two-sided test, as a rule counts it that asks for better.
for (n in c(20, 500)) keep(sprintf("t.power.n%d", n),
  power.t.test(n = n, delta = .3, sd = 1, sig.level = .025, alternative = "one.sided", strict = TRUE)$power)
keep("t.n", power.t.test(power = .8, delta = .1, sd = 1, sig.level = .025, alternative = "one.sided", tol = 1e-12)$n)
keep("shares.n", power.prop.test(p1 = .1, p2 = .11, power = .8, tol = 1e-12)$n)

# Non-inferiority of means by a margin of .05 with nothing moved, for so many treated units to a unit of control.
for (ratio in c(1, 1 / 9, 1 / 19, 9)) {
  d <- quiet(getSampleSizeMeans(alpha = .025, beta = .2, sided = 1, thetaH0 = -.05, alternative = 0, stDev = 1,
    normalApproximation = TRUE, allocationRatioPlanned = ratio))
  keep(sprintf("means.noninferior.ratio%.6f", ratio), d$nFixed2)
}

# Non-inferiority of shares by Farrington and Manning's test.
for (ratio in c(1, 1 / 9, 9)) {
  d <- quiet(getSampleSizeRates(alpha = .025, beta = .2, sided = 1, thetaH0 = -.02, pi1 = .3, pi2 = .3,
    allocationRatioPlanned = ratio))
  keep(sprintf("shares.noninferior.ratio%.6f", ratio), d$nFixed2)
}

# Three endpoints with a common correlation rho: E over Z of prod pnorm((b - sqrt(rho) Z) / sqrt(1 - rho)).
below <- function(b, rho) integrate(function(z) sapply(z, function(v) dnorm(v) * prod(pnorm((b - sqrt(rho) * v) / sqrt(1 - rho)))),
  -Inf, Inf, rel.tol = 1e-12)$value
for (rho in c(.2, .6, .9)) keep(sprintf("orthant.rho%.1f", rho), below(c(1.2, .8, 2), rho))

cat("{\n", paste(entries, collapse = ",\n"), "\n}\n", sep = "")
