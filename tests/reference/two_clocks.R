# Bounds of looks whose information is not what the error is spent by, from multivariate normal probabilities.
# R 4.2.2, mvtnorm 1.1-3:  Rscript two_clocks.R > two_clocks.json
library(mvtnorm)

obrien_fleming <- function(error, clock) 2 * pnorm(qnorm(error / 2) / sqrt(clock))
pocock <- function(error, clock) error * log(1 + (exp(1) - 1) * clock)

bounds <- function(information, spent) {
  found <- c()
  for (k in seq_along(information)) {
    seen <- information[1:k]
    corr <- sqrt(outer(seen, seen, pmin) / outer(seen, seen, pmax))
    going <- function(upper) {
      if (length(upper) == 1) return(pnorm(upper))
      size <- seq_along(upper)
      pmvnorm(upper = upper, corr = corr[size, size], algorithm = Miwa(steps = 4097))[1]
    }
    target <- 1 - spent[k]
    found <- c(found, uniroot(function(z) going(c(found, z)) - target, c(0, 9), tol = 1e-10)$root)
  }
  found
}

cases <- list(
  list(kind = "obrien_fleming", clock = c(0.2, 0.5, 1), information = c(0.2, 0.257, 0.352)),
  list(kind = "obrien_fleming", clock = c(0.25, 0.5, 1), information = c(1.3, 1.55, 2.05)),
  list(kind = "pocock", clock = c(0.25, 0.5, 0.75, 1), information = c(0.25, 0.5, 1.8, 3.1)),
  list(kind = "pocock", clock = c(0.1, 0.6, 1), information = c(0.5, 1, 1.4))
)
rows <- vapply(cases, function(case) {
  spend <- if (case$kind == "pocock") pocock else obrien_fleming
  upper <- bounds(case$information, spend(0.025, case$clock))
  list_of <- function(x) paste0("[", paste(format(x, digits = 12, trim = TRUE), collapse = ", "), "]")
  sprintf('  {"kind": "%s", "clock": %s, "information": %s, "upper": %s}',
          case$kind, list_of(case$clock), list_of(case$information), list_of(upper))
}, "")
cat("[\n", paste(rows, collapse = ",\n"), "\n]\n", sep = "")
