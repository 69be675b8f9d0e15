"""Limits of hypothesis examples for expensive tests and for small inputs."""

from hypothesis import settings


def at_most(most: int) -> settings:
    """Return settings with at most so many examples, fewer if the profile has fewer."""
    profile = settings.get_profile(settings.get_current_profile_name())
    return settings(max_examples=min(most, profile.max_examples))
