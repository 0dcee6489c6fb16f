"""Answers that are not believed at once: compared with what is kept, held apart, decided upon."""
