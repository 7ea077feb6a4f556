"""How scores change with size: coupling, critical scale, scaling laws, width, recipes, the equation, forecasts."""
