"""The admin listener: what operators may see and do, behind a token, on a port of its own."""
