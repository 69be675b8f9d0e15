"""How the configuration wants names looked up."""

from blocklist.config import Config
from blocklist.resolve import servers
from blocklist.resolve.states import Rule
from blocklist.resolve.survey import Settings
from blocklist.resolve.upstream import Limits


def of(config: Config, given: list[str]) -> Settings:
    """Return the settings; resolvers that are `given` take the place of the configured ones."""
    said = config.resolve
    canaries = {export.canary for export in config.exports.values() if export.canary}
    return Settings(
        servers=servers.chosen(given or said.servers),
        limits=Limits(said.window, said.rate, said.timeout, said.tries),
        rule=Rule(said.looks, said.days),
        canaries=tuple(sorted(canaries)),
    )
