"""Encryption of a home: what its key encrypts, what opens the key, and the way from plain to encrypted and back."""
