"""One folder a chapter: its figures, its recomputations, and what that chapter alone needs."""
