"""Read the names below which feeds exempt others: reader -> (feed, value) pairs.

Free of heavy imports: the digest of the judge's inputs contains them.
"""

import sqlite3


def load_exempting(reader: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return each feed and name below which the feed exempts a name, sorted.

    The feed's listing of this name must not be widened.
    """
    sql = "SELECT name, value FROM exempting JOIN feed ON feed.id = feed_id ORDER BY name, value"
    return reader.execute(sql).fetchall()
