"""Questions about logs: words → conditions → events → counts, with their lines. `answer.answer` is the way in."""
