"""Reads of many things at once: each by itself, and what has to go upstream together."""
