"""The order of combining against mclust's clustCombi, on the examples of its article."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from mixot import Gaussian, Mixture, combine

R = r"""
if (!requireNamespace("mclust", quietly = TRUE)) { cat("null"); quit(status = 0) }
suppressMessages(library(mclust))
data(Baudry_etal_2010_JCGS_examples)
show <- function(a) paste0("[", paste(formatC(as.vector(a), digits = 17, format = "g"), collapse = ","), "]")
parts <- c()
for (name in c("ex4.1", "ex4.2", "ex4.3")) {
  x <- as.matrix(get(name)); m <- Mclust(x, verbose = FALSE)
  m$z <- predict(m, x)$z  # what it keeps is one M step older than its parameters
  fit <- clustCombi(object = m); z <- m$z; ent <- c()
  for (k in m$G:1) { if (k < m$G) z <- t(fit$combiM[[k]] %*% t(z)); ent <- c(-sum(z * log(pmax(z, 1e-300))), ent) }
  best <- clustCombiOptim(fit)
  parts <- c(parts, paste0('{"x":', show(t(x)), ',"d":', ncol(x), ',"pro":', show(m$parameters$pro),
    ',"mean":', show(m$parameters$mean), ',"sigma":', show(m$parameters$variance$sigma), ',"entropy":', show(ent),
    ',"clusters":', best$numClusters.combi, ',"labels":[', paste(sapply(fit$classification, show), collapse = ","),
    ']}'))
}
cat(paste0("[", paste(parts, collapse = ","), "]"))
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_the_examples_of_the_article_come_out_as_in_mclust():
    told = subprocess.run(["Rscript", "-e", R], capture_output=True, text=True, timeout=300, check=True).stdout
    cases = json.loads(told)
    if cases is None:
        pytest.skip("mclust is not installed")
    for case in cases:
        d = case["d"]
        x, means = (np.reshape(case[name], (-1, d)) for name in ("x", "mean"))
        weights = np.array(case["pro"])
        mixture = Mixture(weights / weights.sum(), Gaussian(means, np.reshape(case["sigma"], (-1, d, d))))
        found = combine(mixture, x)
        np.testing.assert_allclose(found.entropies, case["entropy"], rtol=1e-6, atol=1e-6)
        assert found.clusters == case["clusters"]
        for clusters, labels in enumerate(case["labels"], 1):  # each step
            joint = np.unique(np.stack([found.predict(x, clusters), np.array(labels, dtype=int)]), axis=1)
            assert joint.shape[1] == len(np.unique(joint[0])) == len(np.unique(joint[1]))  # one name for each of theirs
