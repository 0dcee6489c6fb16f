"""Writes: checked before they are sent, forwarded once, remembered where a key asks for it."""
