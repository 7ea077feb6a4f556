"""Statistics that know nothing of language models: estimates, resampling, correlation, item noise, least squares."""
