"""The tables and views of schema 1, and the migrations that lead to the newest schema.

To add step 2: write a function `@migrations() def what_it_adds(db: Database)` at the end of this
file, which changes tables and ends with `PRAGMA user_version = 2`; set `SCHEMA_VERSION` in
`connection` to 2; and never change step 1 again, so that new and migrated databases are
alike. The first command that writes copies an older database, then migrates it. Until then readers
open it as it is, so they must not need what step 2 adds.
"""

from enum import StrEnum

from sqlite_utils import Database, Migrations

from blocklist.ledger.db.codes import code_of
from blocklist.model import Kind, Reason, Scope, Verdict

migrations = Migrations("blocklist")


@migrations()
def schema_1(db: Database) -> None:
    """Create all tables and views."""
    for statement in (*_TABLES, *_pack_tables(), *_VIEWS):
        db.conn.execute(statement)
    db.conn.execute("PRAGMA user_version = 1")


_RUN_AND_FEED_TABLES = (
    # A run is one command that writes; everything dated in the ledger names one.
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY, command TEXT NOT NULL, started TEXT NOT NULL, finished TEXT,
        who TEXT)""",
    # The last execution of a periodic job, and the run that did it.
    """CREATE TABLE job (
        name TEXT PRIMARY KEY, at TEXT NOT NULL, run_id INTEGER NOT NULL REFERENCES run)
        WITHOUT ROWID""",
    # `good_at` is when the feed was last fresh or unchanged. Its server wants no request before
    # `retry_at`, and the list itself none for `expires` seconds. `source` is a hash of the URL that
    # `etag` and `modified` came from, because a URL may contain a password.
    """CREATE TABLE feed (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, guard TEXT,
        state TEXT NOT NULL DEFAULT 'never', cause TEXT, checked TEXT, accepted_at TEXT,
        good_at TEXT, retry_at TEXT, expires INTEGER, fingerprint TEXT,
        entries INTEGER NOT NULL DEFAULT 0, etag TEXT, modified TEXT, source TEXT)""",
    # Snapshots that changed something or were refused; an unchanged feed leaves no row. `samples`
    # is a JSON object: reason -> the first lines that were refused for it.
    """CREATE TABLE snapshot (
        id INTEGER PRIMARY KEY, feed_id INTEGER NOT NULL REFERENCES feed,
        run_id INTEGER NOT NULL REFERENCES run, state TEXT NOT NULL, cause TEXT, sha256 TEXT,
        bytes INTEGER, lines INTEGER, accepted INTEGER, comments INTEGER, refused TEXT,
        entries INTEGER, added INTEGER, removed INTEGER, samples TEXT)""",
    "CREATE INDEX snapshot_feed ON snapshot (feed_id)",
    # Names of top lists with their ranks, in packs; see `ledger.feeds.ranks`.
    """CREATE TABLE rank_pack (
        feed_id INTEGER NOT NULL REFERENCES feed, first TEXT NOT NULL, members TEXT NOT NULL,
        ranks TEXT NOT NULL, PRIMARY KEY (feed_id, first))""",
    # Names below which a feed exempts others: its listing of such a name is never widened.
    """CREATE TABLE exempting (
        feed_id INTEGER NOT NULL REFERENCES feed, value TEXT NOT NULL,
        PRIMARY KEY (feed_id, value)) WITHOUT ROWID""",
    # `behind` is the share of the `dated` entries that the leader listed no later.
    """CREATE TABLE echo (
        follower TEXT NOT NULL, leader TEXT NOT NULL, contained REAL NOT NULL,
        dated INTEGER NOT NULL, behind REAL NOT NULL, PRIMARY KEY (follower, leader))
        WITHOUT ROWID""",
    """CREATE TABLE feed_weight (
        feed TEXT PRIMARY KEY, reliability REAL NOT NULL, overdue_days INTEGER NOT NULL,
        upstream TEXT NOT NULL) WITHOUT ROWID""",
)

_INTERVAL_TABLES = (
    # Clustered by feed and value: an update touches one stretch, a look-up one row a feed.
    """CREATE TABLE listing_row (
        feed_id INTEGER NOT NULL REFERENCES feed, value TEXT NOT NULL, kind INTEGER NOT NULL,
        scope INTEGER NOT NULL, since INTEGER NOT NULL REFERENCES run,
        until INTEGER REFERENCES run, evidence TEXT,
        PRIMARY KEY (feed_id, value, scope, since)) WITHOUT ROWID""",
    """CREATE TABLE listing_batch (
        id INTEGER PRIMARY KEY, feed_id INTEGER NOT NULL REFERENCES feed, kind INTEGER NOT NULL,
        scope INTEGER NOT NULL, since INTEGER NOT NULL REFERENCES run)""",
    # A verdict holds from release `since` up to, but not in, release `until`.
    """CREATE TABLE verdict_row (
        value TEXT NOT NULL, scope INTEGER NOT NULL, since INTEGER NOT NULL REFERENCES release,
        until INTEGER REFERENCES release, kind INTEGER NOT NULL, verdict INTEGER NOT NULL,
        reason INTEGER NOT NULL, cause TEXT, PRIMARY KEY (value, scope, since)) WITHOUT ROWID""",
    # Few verdicts are the operator's, so an index of those costs nothing.
    f"""CREATE INDEX verdict_operator ON verdict_row (value)
        WHERE reason = {code_of(Reason.OPERATOR)}""",
    """CREATE TABLE verdict_batch (
        id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, scope INTEGER NOT NULL,
        verdict INTEGER NOT NULL, reason INTEGER NOT NULL, cause TEXT,
        since INTEGER NOT NULL REFERENCES release)""",
)

_DECISION_TABLES = (
    # `seen` is a JSON list of the feeds and evidence that a review saw; NULL for other entries.
    """CREATE TABLE entry (
        id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, value TEXT NOT NULL, scope INTEGER NOT NULL,
        action TEXT NOT NULL, reason TEXT NOT NULL, created TEXT NOT NULL, expires TEXT,
        removed TEXT, author TEXT NOT NULL DEFAULT '', seen TEXT, first_created TEXT,
        imported_by TEXT)""",
    "CREATE UNIQUE INDEX active_entry ON entry (value, scope) WHERE removed IS NULL",
    # Until a pin is `ended` nothing is published; with a feed, only that feed is left as it is.
    """CREATE TABLE pin (
        id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run,
        feed_id INTEGER REFERENCES feed, release INTEGER, created TEXT NOT NULL,
        reason TEXT NOT NULL, ended TEXT)""",
)

# `basis` is the run after which feeds listed what a release was judged from.
_RELEASE_COLUMNS = """
        number INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run, created TEXT NOT NULL,
        cause TEXT NOT NULL, blocked INTEGER NOT NULL, held INTEGER NOT NULL,
        added INTEGER NOT NULL, removed INTEGER NOT NULL, basis INTEGER, feeds TEXT,
        categories TEXT"""

_RELEASE_TABLES = (
    # `origin` is the release whose content a rollback published again, `serial` the highest of its
    # zones; a `pruned` release has no verdicts any more.
    f"""CREATE TABLE release ({_RELEASE_COLUMNS}, reason TEXT, origin INTEGER, serial INTEGER,
        pruned INTEGER NOT NULL DEFAULT 0)""",
    # A release that the gate held, as its difference from the current release; at most one.
    f"CREATE TABLE candidate ({_RELEASE_COLUMNS}, objections TEXT NOT NULL)",
    # Without a verdict: one of the current release that would end.
    """CREATE TABLE candidate_verdict (
        value TEXT NOT NULL, scope INTEGER NOT NULL, kind INTEGER, verdict INTEGER,
        reason INTEGER, cause TEXT, PRIMARY KEY (value, scope)) WITHOUT ROWID""",
    # Digests of the inputs of the judge: of all, and of all but what feeds list.
    """CREATE TABLE last_judged (
        id INTEGER PRIMARY KEY CHECK (id = 1), release INTEGER NOT NULL,
        inputs_digest TEXT NOT NULL, context_digest TEXT)""",
    # `digest` is of the rendered rows, `inputs_digest` of everything that decides on the file, and
    # `file_fingerprint` identifies the file that was written. `content_release` is the last release
    # that the file was compared with. A hot zone has a row of its own.
    """CREATE TABLE export (
        name TEXT PRIMARY KEY, path TEXT NOT NULL, release INTEGER NOT NULL, digest TEXT NOT NULL,
        serial INTEGER, written TEXT NOT NULL, inputs_digest TEXT NOT NULL, file_fingerprint TEXT,
        row_count INTEGER NOT NULL, left_out TEXT NOT NULL, content_release INTEGER NOT NULL)
        WITHOUT ROWID""",
    # How the last attempt to export ended. `release` was current when the file was last confirmed;
    # `fault` is of the last attempt.
    """CREATE TABLE export_outcome (
        name TEXT PRIMARY KEY, path TEXT NOT NULL, release INTEGER, confirmed TEXT, fault TEXT,
        fault_since TEXT) WITHOUT ROWID""",
    # `release` is of the content that the server had when it was last `seen` to have one.
    """CREATE TABLE server (
        export TEXT NOT NULL, name TEXT NOT NULL, release INTEGER, seen TEXT, fault TEXT,
        fault_since TEXT, PRIMARY KEY (export, name)) WITHOUT ROWID""",
)

_DNS_TABLES = (
    """CREATE TABLE fact (
        name TEXT PRIMARY KEY, domain TEXT NOT NULL, state TEXT NOT NULL, since TEXT NOT NULL,
        answer TEXT NOT NULL, addresses TEXT NOT NULL, servers TEXT, checked TEXT,
        due TEXT NOT NULL, pause INTEGER NOT NULL, gone INTEGER NOT NULL, gone_since TEXT)
        WITHOUT ROWID""",
    # `reason` is why an address is not blocked.
    """CREATE TABLE address (
        value TEXT PRIMARY KEY, domains INTEGER NOT NULL, evidence TEXT NOT NULL,
        until TEXT NOT NULL, reason TEXT) WITHOUT ROWID""",
)

_TABLES = (
    *_RUN_AND_FEED_TABLES,
    *_INTERVAL_TABLES,
    *_DECISION_TABLES,
    *_RELEASE_TABLES,
    *_DNS_TABLES,
)


def _pack_tables() -> list[str]:
    """Return the tables of packs and of their ended members; see `ledger.temporal.packs`."""
    statements = []
    for table, number in (("listing", "run"), ("verdict", "release")):
        # With rowids: in a tree of long rows keys would be far apart.
        statements.append(f"""CREATE TABLE {table}_pack (
            id INTEGER PRIMARY KEY, batch_id INTEGER NOT NULL REFERENCES {table}_batch,
            first TEXT NOT NULL, members TEXT NOT NULL, UNIQUE (batch_id, first))""")
        statements.append(f"""CREATE TABLE {table}_end (
            pack_id INTEGER NOT NULL REFERENCES {table}_pack,
            until INTEGER NOT NULL REFERENCES {number}, positions TEXT NOT NULL,
            PRIMARY KEY (pack_id, until)) WITHOUT ROWID""")
    return statements


# A query of all rows opens the ended positions of a pack once, not once for each member.
_MEMBERS_JOIN = """{table}_batch AS batch JOIN {table}_pack AS pack ON batch_id = batch.id
        JOIN json_each(members) AS member LEFT JOIN (SELECT pack_id, until,
        position.value AS position FROM {table}_end CROSS JOIN json_each(positions) AS position)
        AS ended ON ended.pack_id = pack.id AND ended.position = member.key"""


def _word_of_code(column: str, words: type[StrEnum]) -> str:
    """Return SQL for the word of a code."""
    cases = " ".join(f"WHEN {code} THEN '{word}'" for code, word in enumerate(words))
    return f"CASE {column} {cases} END AS {column}"


_VIEWS = (
    # Rows and packs alike as rows.
    f"""CREATE VIEW listing AS
        SELECT feed_id, value, kind, scope, since, until, evidence FROM listing_row
        UNION ALL SELECT batch.feed_id, member.value, batch.kind, batch.scope, batch.since,
        ended.until, NULL FROM {_MEMBERS_JOIN.format(table="listing")}""",
    f"""CREATE VIEW verdict AS
        SELECT value, scope, since, until, kind, verdict, reason, cause FROM verdict_row
        UNION ALL SELECT member.value, batch.scope, batch.since, ended.until, batch.kind,
        batch.verdict, batch.reason, batch.cause FROM {_MEMBERS_JOIN.format(table="verdict")}""",
    # The same in words, for people with a SQLite shell.
    f"""CREATE VIEW listings AS SELECT feed.name AS feed, value, {_word_of_code("kind", Kind)},
        {_word_of_code("scope", Scope)}, first.started AS since, last.started AS until,
        coalesce(evidence, value) AS evidence
        FROM listing JOIN feed ON feed.id = feed_id JOIN run AS first ON first.id = since
        LEFT JOIN run AS last ON last.id = until""",
    f"""CREATE VIEW verdicts AS SELECT value, {_word_of_code("kind", Kind)},
        {_word_of_code("scope", Scope)}, {_word_of_code("verdict", Verdict)},
        {_word_of_code("reason", Reason)}, cause, since, until FROM verdict""",
)
