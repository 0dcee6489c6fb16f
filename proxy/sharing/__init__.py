"""What processes and machines have in common beside entries: leases for flights, guards, pacing."""
