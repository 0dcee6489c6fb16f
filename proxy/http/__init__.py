"""HTTP as bytes: what comes in is framed and refused to the letter, what goes out is written."""
