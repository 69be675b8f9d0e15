"""Settings of a survey: configuration -> resolvers, limits, rule and canaries."""

from blocklist.config.loader import Config
from blocklist.resolve.dns.servers import select_resolvers
from blocklist.resolve.dns.upstream import QueryLimits
from blocklist.resolve.liveness import DeadDomainRule
from blocklist.resolve.survey import SurveySettings


def load_survey_settings(config: Config, given: list[str]) -> SurveySettings:
    """Return the settings; resolvers that are `given` take the place of the configured ones."""
    said = config.resolve
    canaries = {export.canary for export in config.exports.values() if export.canary}
    return SurveySettings(
        resolvers=select_resolvers(given or said.servers),
        limits=QueryLimits(said.window, said.rate, said.timeout, said.tries),
        rule=DeadDomainRule(said.looks, said.days),
        canaries=tuple(sorted(canaries)),
    )
