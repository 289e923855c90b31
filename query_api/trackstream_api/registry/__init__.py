"""The model registry in the API: what is asked, what becomes of it on the log, where versions come from."""
