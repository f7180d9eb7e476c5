"""Questions about logs: words → conditions → events → counts, times and names, with their lines. `answer` is the way in."""
