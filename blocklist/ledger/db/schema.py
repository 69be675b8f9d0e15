"""The tables as forward-only migrations: any older database -> the newest schema.

Codes: `kind`, `scope`, `verdict` and `reason` are stored as the positions of their words in
`blocklist.model`, so that millions of rows stay small; the views show the words to people with a
SQLite shell.
"""

from enum import StrEnum

from sqlite_utils import Database, Migrations

from blocklist.ledger.db.pack_schema import (
    LISTING_PACK_TABLES,
    LISTING_VIEW,
    VERDICT_PACK_TABLES,
    VERDICT_VIEW,
    convert_endings_sql,
    pack_numbering_sql,
)
from blocklist.model import Kind, Reason, Scope, Verdict

migrations = Migrations("blocklist")


@migrations()
def listings_and_releases(db: Database) -> None:
    """Create the first version of every table."""
    for statement in _INITIAL_TABLES:
        db.conn.execute(statement)
    db.conn.execute("PRAGMA user_version = 1")


@migrations()
def fetching(db: Database) -> None:
    """Add what fetching over HTTP needs to know of the last time.

    `source` tells which URL the validators are of, hashed, for a URL may hold a password;
    `good_at` is when the feed was last found fresh or unchanged; `expires` is how many seconds the
    list itself asks to be left alone; before `retry_at` its server wants no request.
    """
    columns = ("etag TEXT", "modified TEXT", "source TEXT", "good_at TEXT", "retry_at TEXT")
    for column in (*columns, "expires INTEGER"):
        db.conn.execute(f"ALTER TABLE feed ADD COLUMN {column}")
    db.conn.execute("ALTER TABLE snapshot ADD COLUMN entries INTEGER")
    db.conn.execute("UPDATE feed SET good_at = accepted_at")
    db.conn.execute("PRAGMA user_version = 2")


@migrations()
def decisions(db: Database) -> None:
    """Add who made an entry, what a review saw when it decided, and the ranks of top lists.

    `seen` is a JSON list of pairs, feed and evidence; it is NULL for entries that stand whatever
    feeds say. Few verdicts are the operator's, so an index of those costs nothing.
    """
    db.conn.execute("ALTER TABLE operator ADD COLUMN author TEXT NOT NULL DEFAULT ''")
    db.conn.execute("ALTER TABLE operator ADD COLUMN seen TEXT")
    operator = list(Reason).index(Reason.OPERATOR)
    db.conn.execute(f"CREATE INDEX verdict_operator ON verdict (value) WHERE reason = {operator}")
    db.conn.execute(
        "CREATE TABLE rank (feed_id INTEGER NOT NULL REFERENCES feed, value TEXT NOT NULL, "
        "place INTEGER NOT NULL, PRIMARY KEY (feed_id, value)) WITHOUT ROWID"
    )
    db.conn.execute("PRAGMA user_version = 3")


@migrations()
def facts(db: Database) -> None:
    """Keep of each name how its domain stands: since when, how often gone, when it is due.

    The state that was kept before knew one answer only, so all names are due at once.
    """
    db.conn.execute("ALTER TABLE fact RENAME TO old_fact")
    db.conn.execute(_FACT_TABLE)
    db.conn.execute(
        "INSERT INTO fact SELECT name, name, 'unknown', checked, state, addresses, NULL, checked, "
        "checked, 0, 0, NULL FROM old_fact"
    )
    db.conn.execute("DROP TABLE old_fact")
    db.conn.execute("PRAGMA user_version = 4")


_FACT_TABLE = """CREATE TABLE fact (
    name TEXT PRIMARY KEY, domain TEXT NOT NULL, state TEXT NOT NULL, since TEXT NOT NULL,
    answer TEXT NOT NULL, addresses TEXT NOT NULL, servers TEXT, checked TEXT, due TEXT NOT NULL,
    pause INTEGER NOT NULL, gone INTEGER NOT NULL, gone_since TEXT) WITHOUT ROWID"""


@migrations()
def history(db: Database) -> None:
    """Add who ran what and why, what a release was made of, a candidate that waits, and pins.

    `basis` is the run after which feeds listed what a release was judged from; `origin` is the
    release that one has the content of again; `serial` the highest of its zones;
    a `pruned` release is a row without its content.
    """
    columns = ("reason TEXT", "basis INTEGER", "origin INTEGER", "serial INTEGER", "feeds TEXT")
    for column in (*columns, "categories TEXT", "pruned INTEGER NOT NULL DEFAULT 0"):
        db.conn.execute(f"ALTER TABLE release ADD COLUMN {column}")
    db.conn.execute("ALTER TABLE run ADD COLUMN who TEXT")
    for statement in _HISTORY_TABLES:
        db.conn.execute(statement)
    db.conn.execute("PRAGMA user_version = 5")


@migrations()
def addresses(db: Database) -> None:
    """Add what is known of addresses behind names: `reason` says why one is not blocked."""
    db.conn.execute(
        "CREATE TABLE address (value TEXT PRIMARY KEY, domains INTEGER NOT NULL, "
        "evidence TEXT NOT NULL, until TEXT NOT NULL, reason TEXT) WITHOUT ROWID"
    )
    db.conn.execute("PRAGMA user_version = 6")


@migrations()
def agreement(db: Database) -> None:
    """Add how feeds counted when listings were judged last, and which are echoes of others.

    `looked` tells when something that is done now and then was done last.
    """
    db.conn.execute(
        "CREATE TABLE vote (feed TEXT PRIMARY KEY, reliability REAL NOT NULL, "
        "overdue INTEGER NOT NULL, lineage TEXT NOT NULL) WITHOUT ROWID"
    )
    db.conn.execute(
        "CREATE TABLE echo (follower TEXT NOT NULL, leader TEXT NOT NULL, "
        "contained REAL NOT NULL, dated INTEGER NOT NULL, behind REAL NOT NULL, "
        "PRIMARY KEY (follower, leader)) WITHOUT ROWID"
    )
    db.conn.execute("CREATE TABLE looked (what TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID")
    db.conn.execute("PRAGMA user_version = 7")


@migrations()
def unchanged(db: Database) -> None:
    """Add what a release and the file of an export were made of, so that neither is made again.

    `made_of` and `digest` are digests of all that decides what comes out, `mark` tells a file from
    any other in its place, and `run` is the one that did what is done now and then.
    """
    db.conn.execute(
        "CREATE TABLE judged (id INTEGER PRIMARY KEY CHECK (id = 1), "
        "release INTEGER NOT NULL, digest TEXT NOT NULL)"
    )
    for column in ("made_of TEXT", "mark TEXT", "rows INTEGER", "left_out TEXT"):
        db.conn.execute(f"ALTER TABLE export ADD COLUMN {column}")
    db.conn.execute("ALTER TABLE looked ADD COLUMN run INTEGER")
    db.conn.execute("PRAGMA user_version = 8")


@migrations()
def packed_listings(db: Database) -> None:
    """Make room for packs of listings; see `blocklist.ledger.temporal.packs`. Rows stay rows."""
    for statement in (*LISTING_PACK_TABLES, _LISTINGS_VIEW):
        db.conn.execute(statement)
    db.conn.execute("PRAGMA user_version = 9")


@migrations()
def packed_verdicts(db: Database) -> None:
    """Make room for packs of verdicts, too."""
    for statement in (*VERDICT_PACK_TABLES, _VERDICTS_VIEW):
        db.conn.execute(statement)
    db.conn.execute("PRAGMA user_version = 10")


@migrations()
def snapshots_by_feed(db: Database) -> None:
    """Let the last snapshots of a feed be found among those of all feeds over years."""
    db.conn.execute("CREATE INDEX snapshot_feed ON snapshot (feed_id)")
    db.conn.execute("PRAGMA user_version = 11")


@migrations()
def partly(db: Database) -> None:
    """Add what else than listings the judge looked at, so that only what changed is judged."""
    db.conn.execute("ALTER TABLE judged ADD COLUMN around TEXT")
    db.conn.execute("PRAGMA user_version = 12")


@migrations()
def packed_endings(db: Database) -> None:
    """Store the positions of ended members of packs; see `ledger.temporal.deletion_vectors`.

    Before, what ended had a row of its own. Packs get numbers that no `VACUUM` changes.
    """
    for view in ("listings", "listing", "verdicts", "verdict"):
        db.conn.execute(f"DROP VIEW {view}")
    for table, of in (("listing", "run"), ("verdict", "release")):
        for statement in (*pack_numbering_sql(table, of), *convert_endings_sql(table)):
            db.conn.execute(statement)
    for statement in (LISTING_VIEW, _LISTINGS_VIEW, VERDICT_VIEW, _VERDICTS_VIEW):
        db.conn.execute(statement)
    db.conn.execute("PRAGMA user_version = 13")


def _spell_codes(column: str, words: type[StrEnum]) -> str:
    cases = " ".join(f"WHEN {code} THEN '{word}'" for code, word in enumerate(words))
    return f"CASE {column} {cases} END AS {column}"


_LISTINGS_VIEW = f"""CREATE VIEW listings AS SELECT feed.name AS feed, value,
        {_spell_codes("kind", Kind)},
        {_spell_codes("scope", Scope)}, first.started AS since, last.started AS until,
        coalesce(evidence, value) AS evidence
        FROM listing JOIN feed ON feed.id = feed_id JOIN run AS first ON first.id = since
        LEFT JOIN run AS last ON last.id = until"""

_VERDICTS_VIEW = f"""CREATE VIEW verdicts AS SELECT value, {_spell_codes("kind", Kind)},
        {_spell_codes("scope", Scope)}, {_spell_codes("verdict", Verdict)},
        {_spell_codes("reason", Reason)},
        cause, since, until FROM verdict"""

_INITIAL_TABLES = (
    # A run is one command that writes; everything dated in the ledger names one.
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY, command TEXT NOT NULL, started TEXT NOT NULL, finished TEXT)""",
    """CREATE TABLE feed (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, guard TEXT,
        state TEXT NOT NULL DEFAULT 'never', cause TEXT, checked TEXT,
        accepted_at TEXT, fingerprint TEXT, entries INTEGER NOT NULL DEFAULT 0)""",
    # Snapshots that changed something or were refused; a feed found unchanged leaves no row.
    """CREATE TABLE snapshot (
        id INTEGER PRIMARY KEY, feed_id INTEGER NOT NULL REFERENCES feed, run_id INTEGER NOT NULL
        REFERENCES run, state TEXT NOT NULL, cause TEXT, sha256 TEXT, bytes INTEGER,
        lines INTEGER, accepted INTEGER, comments INTEGER, refused TEXT,
        added INTEGER, removed INTEGER)""",
    # Clustered by feed and value: an update touches one stretch, a look-up one row a feed.
    """CREATE TABLE listing (
        feed_id INTEGER NOT NULL REFERENCES feed, value TEXT NOT NULL, kind INTEGER NOT NULL,
        scope INTEGER NOT NULL, since INTEGER NOT NULL REFERENCES run, until INTEGER
        REFERENCES run, evidence TEXT, PRIMARY KEY (feed_id, value, scope, since)) WITHOUT ROWID""",
    """CREATE TABLE operator (
        id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, value TEXT NOT NULL, scope INTEGER NOT NULL,
        action TEXT NOT NULL, reason TEXT NOT NULL, created TEXT NOT NULL, expires TEXT,
        removed TEXT)""",
    """CREATE UNIQUE INDEX operator_entry ON operator (value, scope) WHERE removed IS NULL""",
    """CREATE TABLE release (
        number INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run, created TEXT NOT NULL,
        cause TEXT NOT NULL, blocked INTEGER NOT NULL, held INTEGER NOT NULL,
        added INTEGER NOT NULL, removed INTEGER NOT NULL)""",
    # A verdict holds from release `since` up to, but not in, release `until`.
    """CREATE TABLE verdict (
        value TEXT NOT NULL, scope INTEGER NOT NULL, since INTEGER NOT NULL REFERENCES release,
        until INTEGER REFERENCES release, kind INTEGER NOT NULL, verdict INTEGER NOT NULL,
        reason INTEGER NOT NULL, cause TEXT,
        PRIMARY KEY (value, scope, since)) WITHOUT ROWID""",
    """CREATE TABLE fact (
        name TEXT PRIMARY KEY, state TEXT NOT NULL, addresses TEXT NOT NULL,
        checked TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE export (
        name TEXT PRIMARY KEY, path TEXT NOT NULL, release INTEGER NOT NULL, digest TEXT NOT NULL,
        serial INTEGER, written TEXT NOT NULL) WITHOUT ROWID""",
    _LISTINGS_VIEW,
    _VERDICTS_VIEW,
)

_HISTORY_TABLES = (
    # A release that the gate held, as its difference to the release in force; at most one.
    """CREATE TABLE candidate (
        number INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run, created TEXT NOT NULL,
        cause TEXT NOT NULL, blocked INTEGER NOT NULL, held INTEGER NOT NULL,
        added INTEGER NOT NULL, removed INTEGER NOT NULL, basis INTEGER, feeds TEXT,
        categories TEXT, objections TEXT NOT NULL)""",
    # Without a verdict: what is in force and no longer would be.
    """CREATE TABLE candidate_verdict (
        value TEXT NOT NULL, scope INTEGER NOT NULL, kind INTEGER, verdict INTEGER,
        reason INTEGER, cause TEXT, PRIMARY KEY (value, scope)) WITHOUT ROWID""",
    # While one has not ended, nothing else is published; with a feed, that feed is left alone.
    """CREATE TABLE pin (
        id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run, feed_id INTEGER
        REFERENCES feed, release INTEGER, created TEXT NOT NULL, reason TEXT NOT NULL,
        ended TEXT)""",
)
