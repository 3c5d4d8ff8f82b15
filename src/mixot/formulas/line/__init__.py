"""Laws on the line: Gamma functions, counts, monotone couplings."""
