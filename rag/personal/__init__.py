"""Personal data in text: where it stands, how often, and how it is masked."""
