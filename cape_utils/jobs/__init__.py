"""Long computations: results that are kept from run to run, and a Dask client."""
