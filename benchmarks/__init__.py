"""What the package, the book's build and its pages cost. Run with ``python -m benchmarks``; never part of the tests.

Measured are the resampling beside plain loops, the start of package and command line, the build of the book, the weight and
the answers of its pages, and what steering adds to generation. The figures depend on the machine, which is kept with each.
"""
