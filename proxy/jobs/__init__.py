"""Jobs: a request below /v1 that is answered later (RFC 7240 §4.1)."""
