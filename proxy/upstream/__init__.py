"""One call and its guards: attempts, places, transport, and what a failure means."""
