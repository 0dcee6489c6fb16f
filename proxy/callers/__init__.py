"""Who may call: keys, networks, tokens, and how much they may ask."""
