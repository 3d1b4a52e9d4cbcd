# Values of clubSandwich 0.5.8 under R 4.2.2 for tests/reference/test_cluster_strata.py. Debian 12: r-cran-clubsandwich
#   Rscript tests/reference/cluster_strata.R > tests/reference/cluster_strata.json
# Clusters in strata with unlike splits: least squares on a dummy for each arm of each stratum, CR2, and the contrast of
# arms weighted by the strata's rows with Satterthwaite's degrees of freedom.
suppressMessages(suppressWarnings(library(clubSandwich)))
g <- 1:60
size <- 1 + (11 * g) %% 13
store <- rep(g, times = size)
k <- seq_along(store)
stratum <- 1 + (store %% 3 == 0) + 2 * (store %% 5 == 0)
treated <- ((5 * store) %% 11) < 4 + 2 * (store %% 3 == 0)
entries <- character()
for (strata in c(1, 4)) {
  within <- if (strata == 1) rep(1, length(store)) else stratum
  y <- 30 - 4 * stratum + 3 * sin(1.3 * store) + 2 * cos(2.1 * k) + 0.5 * treated
  cell <- factor(paste(within, as.integer(treated)))
  fit <- lm(y ~ 0 + cell)
  named <- strsplit(levels(cell), " ")
  share <- sapply(named, function(one) mean(within == as.numeric(one[1])))
  sign <- sapply(named, function(one) if (one[2] == "1") 1 else -1)
  found <- linear_contrast(fit, vcov = vcovCR(fit, cluster = store, type = "CR2"), contrasts = matrix(share * sign, 1),
                           test = "Satterthwaite", p_values = TRUE)
  entries <- c(entries, sprintf(
    '  {"strata": %d, "n": %d, "value": %.17g, "std_error": %.17g, "df": %.17g, "low": %.17g, "high": %.17g, "p_value": %.17g}',
    as.integer(strata), length(y), found$Est, found$SE, found$df, found$CI_L, found$CI_U, found$p_val))
}
cat("[\n", paste(entries, collapse = ",\n"), "\n]\n", sep = "")
