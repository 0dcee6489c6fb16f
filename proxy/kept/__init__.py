"""What is kept: which answers may be, what of them is found for an ask, and what ends them."""
