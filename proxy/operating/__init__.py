"""What operators change while Larder runs: orders and configs, on record, and undone by one call."""
