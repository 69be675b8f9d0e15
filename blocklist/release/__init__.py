"""From verdicts to a numbered release, through the gate."""
