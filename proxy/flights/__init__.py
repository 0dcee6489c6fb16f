"""One fetch for all who wait for the same thing, and what each of them gets of what it brought."""
