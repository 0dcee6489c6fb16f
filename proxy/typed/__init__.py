"""Typed: Larder's own interface below /v1, the same whichever provider answers; described in OpenAPI from one table."""
