//! Baselines and fixtures that the benchmarks share.
