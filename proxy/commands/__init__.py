"""What the command line does, one command a module; `proxy/cli.py` says which there are."""
