"""Lists that come in pages: fetched whole, kept as one, and cut into whatever pages somebody asks for."""
