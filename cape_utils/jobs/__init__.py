"""Long computations: results cached between runs, and a Dask client."""
