"""Turns files into located text: walk, read, chunk, embed, store. Knows nothing about questions, models or stores."""
