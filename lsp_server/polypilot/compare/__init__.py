"""Which provider is best for the user's own code: tasks, answers, scores, report, advice."""
