"""What the dashboard in the page says and knows, by the package; one module for each part of ``book/dashboard``."""
