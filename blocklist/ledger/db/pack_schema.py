"""SQL of the pack tables and views, and of their migration to numbered packs."""

from collections.abc import Iterator

# Whoever asks for all of it wants the endings of a pack opened once, not for each of its members.
_MEMBERS_JOIN = """{table}_batch AS batch JOIN {table}_pack AS pack ON batch_id = batch.id
        JOIN json_each(members) AS member LEFT JOIN (SELECT pack_id, until, place.value AS place
        FROM {table}_end CROSS JOIN json_each(places) AS place) AS ended
        ON ended.pack_id = pack.id AND ended.place = member.key"""

#: The views that give rows and packs alike as rows.
LISTING_VIEW = f"""CREATE VIEW listing AS
        SELECT feed_id, value, kind, scope, since, until, evidence FROM listing_row
        UNION ALL SELECT batch.feed_id, member.value, batch.kind, batch.scope, batch.since,
        ended.until, NULL FROM {_MEMBERS_JOIN.format(table="listing")}"""

VERDICT_VIEW = f"""CREATE VIEW verdict AS
        SELECT value, scope, since, until, kind, verdict, reason, cause FROM verdict_row
        UNION ALL SELECT member.value, batch.scope, batch.since, ended.until, batch.kind,
        batch.verdict, batch.reason, batch.cause FROM {_MEMBERS_JOIN.format(table="verdict")}"""

#: Packs of listings as they first were.
LISTING_PACK_TABLES = (
    "DROP VIEW listings",
    "ALTER TABLE listing RENAME TO listing_row",
    """CREATE TABLE listing_batch (
        id INTEGER PRIMARY KEY, feed_id INTEGER NOT NULL REFERENCES feed, kind INTEGER NOT NULL,
        scope INTEGER NOT NULL, since INTEGER NOT NULL REFERENCES run)""",
    # With rowids: in a tree of long rows keys would be far apart.
    """CREATE TABLE listing_pack (
        batch_id INTEGER NOT NULL REFERENCES listing_batch, first TEXT NOT NULL,
        members TEXT NOT NULL, UNIQUE (batch_id, first))""",
    """CREATE VIEW listing AS
        SELECT feed_id, value, kind, scope, since, until, evidence FROM listing_row
        UNION ALL SELECT batch.feed_id, member.value, batch.kind, batch.scope, batch.since,
        NULL, NULL FROM listing_batch AS batch JOIN listing_pack ON batch_id = batch.id
        JOIN json_each(members) AS member WHERE NOT EXISTS (SELECT 1 FROM listing_row AS own
        WHERE own.feed_id = batch.feed_id AND own.value = member.value
        AND own.scope = batch.scope AND own.since = batch.since)""",
)

#: And of verdicts.
VERDICT_PACK_TABLES = (
    "DROP VIEW verdicts",
    "ALTER TABLE verdict RENAME TO verdict_row",
    """CREATE TABLE verdict_batch (
        id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, scope INTEGER NOT NULL,
        verdict INTEGER NOT NULL, reason INTEGER NOT NULL, cause TEXT,
        since INTEGER NOT NULL REFERENCES release)""",
    """CREATE TABLE verdict_pack (
        batch_id INTEGER NOT NULL REFERENCES verdict_batch, first TEXT NOT NULL,
        members TEXT NOT NULL, UNIQUE (batch_id, first))""",
    """CREATE VIEW verdict AS
        SELECT value, scope, since, until, kind, verdict, reason, cause FROM verdict_row
        UNION ALL SELECT member.value, batch.scope, batch.since, NULL, batch.kind, batch.verdict,
        batch.reason, batch.cause FROM verdict_batch AS batch JOIN verdict_pack
        ON batch_id = batch.id JOIN json_each(members) AS member
        WHERE NOT EXISTS (SELECT 1 FROM verdict_row AS own WHERE own.value = member.value
        AND own.scope = batch.scope AND own.since = batch.since)""",
)


def pack_numbering_sql(table: str, of: str) -> Iterator[str]:
    """Yield what numbers the packs of a table, and makes room for their endings: dates of `of`."""
    # By way of another table: to rename one is refused where somebody's own view is about ours.
    yield f"CREATE TEMP TABLE old_pack AS SELECT batch_id, first, members FROM {table}_pack"
    yield f"DROP TABLE {table}_pack"
    # With rowids: in a tree of long rows keys would be far apart.
    yield f"""CREATE TABLE {table}_pack (
        id INTEGER PRIMARY KEY, batch_id INTEGER NOT NULL REFERENCES {table}_batch,
        first TEXT NOT NULL, members TEXT NOT NULL, UNIQUE (batch_id, first))"""
    yield (
        f"INSERT INTO {table}_pack (batch_id, first, members) "
        "SELECT batch_id, first, members FROM temp.old_pack ORDER BY batch_id, first"
    )
    yield "DROP TABLE temp.old_pack"
    yield f"""CREATE TABLE {table}_end (
        pack_id INTEGER NOT NULL REFERENCES {table}_pack, until INTEGER NOT NULL REFERENCES {of},
        places TEXT NOT NULL, PRIMARY KEY (pack_id, until)) WITHOUT ROWID"""


def convert_endings_sql(table: str) -> Iterator[str]:
    """Yield what makes endings of the rows that stood in the place of what is packed."""
    key = ["scope", "since"] if table == "verdict" else ["feed_id", "scope", "since"]
    own = ", ".join(f"own.{name} AS {name}" for name in ("value", "until", *key))
    same = " AND ".join(f"own.{name} = batch.{name}" for name in key)
    # Cross joins, so that each pack is opened once, and not for each row that ended.
    yield (
        f"CREATE TEMP TABLE ended AS SELECT pack.id AS pack, member.key AS place, {own} "
        f"FROM {table}_batch AS batch CROSS JOIN {table}_pack AS pack ON batch_id = batch.id "
        f"CROSS JOIN json_each(members) AS member CROSS JOIN {table}_row AS own "
        f"ON own.value = member.value AND {same} WHERE own.until IS NOT NULL"
    )
    yield (
        f"INSERT INTO {table}_end SELECT pack, until, json_group_array(place) "
        "FROM temp.ended GROUP BY pack, until"
    )
    which = ", ".join(["value", *key])
    yield f"DELETE FROM {table}_row WHERE ({which}) IN (SELECT {which} FROM temp.ended)"
    yield "DROP TABLE temp.ended"
