"""The gate: the checks that a candidate release must pass before it is published."""
