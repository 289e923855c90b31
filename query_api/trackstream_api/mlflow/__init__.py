"""MLflow's REST API as a second face of the store: the stock `mlflow` client works against it.

A thin translation. Requests are parsed as MLflow's server does (`messages`), decided on by the same commands
and answered by the same queries as /api/v1. One module per subject, each with a `router` whose paths begin
with /2.0 or /3.0; `face` puts them together under /api and /ajax-api. What is knowingly left out is listed
in `not_implemented`. Behaviour is that of the package `mlflow`, version 3.17; the product never imports it.
"""
