"""How many examples a test looks at that is dear, or has little to look at."""

from hypothesis import settings


def at_most(most: int) -> settings:
    """Give settings for so many examples, fewer where the profile wants fewer."""
    profile = settings.get_profile(settings.get_current_profile_name())
    return settings(max_examples=min(most, profile.max_examples))
