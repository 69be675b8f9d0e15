"""From listings to verdicts: guards, score, who wins; every verdict with its reason."""
