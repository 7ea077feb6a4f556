"""Speed of the resampling, measured beside plain loops. Run with ``python -m benchmarks``; never part of the tests."""
