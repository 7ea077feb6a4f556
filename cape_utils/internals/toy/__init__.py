"""Inside the models of the toy world, where the turning point is known: models, phases, words and figures."""
