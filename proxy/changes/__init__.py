"""What upstreams tell of changes: genuine notifications become purges."""
