"""Stores in and out: events from an MLflow store, and events to Avro files and back."""
