"""Metrics, logs and traces, in fixed words."""
