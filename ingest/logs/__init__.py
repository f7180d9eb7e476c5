"""Log lines to counted facts: lines → events → templates, counts, findings. `facts.analyse` is the way in."""
