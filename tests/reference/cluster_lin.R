# Values of estimatr 1.0.0 under R 4.2.2 for tests/reference/test_cluster_lin.py. Debian 12: r-cran-estimatr
#   Rscript tests/reference/cluster_lin.R > tests/reference/cluster_lin.json
# Lin's regression of clusters of one size, each with one value of the covariate: slopes of rows are then those of clusters.
suppressMessages(suppressWarnings(library(estimatr)))
entries <- character()
for (clusters in c(60, 600)) {
  g <- rep(1:clusters, each = 5)
  k <- seq_along(g)
  arm <- as.integer((7 * g) %% 10 < 3)
  x <- 10 + 4 * sin(2.7 * g)
  y <- 50 + (2 + 1.5 * arm) * x + 3 * cos(1.9 * g) + 4 * sin(3.3 * k) + arm
  data <- data.frame(y, arm, x, g)
  found <- tidy(lm_lin(y ~ arm, covariates = ~x, data = data, clusters = g, se_type = "CR2"))
  row <- found[found$term == "arm", ]
  entries <- c(entries, sprintf('  {"clusters": %d, "value": %.17g, "std_error": %.17g, "df": %.17g}',
    as.integer(clusters), row$estimate, row$std.error, row$df))
}
cat("[\n", paste(entries, collapse = ",\n"), "\n]\n", sep = "")
