"""HTTP caching by the letter: RFC 9110, RFC 9111 and their companions, as pure functions; sections beside the rules."""
