"""A plugin for MLflow: tracking, registry and artifacts at `trackstream://…`; metrics go straight to the log.

    import mlflow

    mlflow.set_tracking_uri("trackstream://127.0.0.1:5000")

MLflow finds it by its entry points (extra `mlflow`); nothing here is imported by hand. What is logged to runs
goes through the SDK's producer; everything else is asked of a Trackstream server, by MLflow's own REST API.
`address` tells which URIs there are.
"""
