"""Workers: several processes on one machine that are one Larder, and the supervisor that keeps them so."""
