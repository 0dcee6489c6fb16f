"""From config.yaml to plans: read, checked, told what is wrong in plain words, and resolved."""
