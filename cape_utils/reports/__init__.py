"""The answer as text, JSON or a page to keep; one door for the command, the app and the notebook."""
