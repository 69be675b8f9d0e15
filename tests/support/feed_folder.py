"""A folder with one feed and a ledger, to update from Python without a configuration file."""

from pathlib import Path

from blocklist.collect.outcome import UpdateOutcome
from blocklist.collect.update import update_feeds
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds.listings import load_listings


class FeedFolder:
    """A folder with the feed `mine` in `list.txt`, and a ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "list.txt"
        self.feed = Feed("mine", (str(self.file),), "domains", enabled=True)
        self.config = Config(None, folder / "x.db", feeds={"mine": self.feed})

    def update(self, *feeds: Feed) -> list[UpdateOutcome]:
        """Update feeds in one run and return the outcomes."""
        reported: list[UpdateOutcome] = []
        with open_ledger_writer(self.config.database, "update") as writer:
            outcomes = update_feeds(self.config, writer, list(feeds), reported.append)
        assert reported == outcomes
        return outcomes

    def collect(self, body: bytes | str | None = None, feed: Feed | None = None) -> UpdateOutcome:
        """Write `body` to the list, if given, and update the feed from it."""
        if body is not None:
            self.file.write_bytes(body if isinstance(body, bytes) else body.encode())
        (outcome,) = self.update(feed or self.feed)
        return outcome

    def in_force(self, feed: str = "mine") -> list[str]:
        """Return the values that a feed lists now, sorted."""
        with read_transaction(self.config.database) as transaction:
            return sorted(load_listings(transaction, [feed])["value"])


def many_names(count: int, first: int = 0) -> str:
    """Return a list of `count` different names."""
    return "".join(f"n{number}.example\n" for number in range(first, first + count))
