"""Look up the DNS facts of one name or address: name -> facts; sqlite3 only, for `check`."""

import json
import sqlite3
from functools import cached_property

from blocklist.indicators.names import name_and_ancestors
from blocklist.model import Liveness


class FactLookup:
    """Look-ups of DNS facts in an open ledger, as they are now."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, name: str) -> dict[str, object]:
        """Return the facts of a name or address, empty when it was never resolved.

        A name without facts of its own is dead when its domain is.
        """
        if not self._has_facts:
            return {}
        if name[-1].isdigit() or ":" in name:
            return self._find_address_facts(name)
        return self._find_name_facts(name)

    @cached_property
    def _has_facts(self) -> bool:
        (some,) = self._connection.execute("SELECT EXISTS (SELECT 1 FROM fact)").fetchone()
        return bool(some)

    def _find_name_facts(self, name: str) -> dict[str, object]:
        sql = (
            "SELECT name, domain, state, since, answer, addresses, checked FROM fact "
            "WHERE name IN (SELECT value FROM json_each(?))"
        )
        names = list(name_and_ancestors(name))
        rows = {row[0]: row[1:] for row in self._connection.execute(sql, [json.dumps(names)])}
        own = rows.get(name)
        domain = own[0] if own else next((up for up in names if rows.get(up, [""])[0] == up), "")
        decisive = rows.get(domain)
        dead = decisive is not None and decisive[1] == Liveness.DEAD
        facts = own or (decisive if dead else None)
        if facts is None:
            return {}
        _, state, since, answer, addresses, checked = facts
        if decisive is not None and dead:
            state, since = decisive[1:3]
        return {
            "state": state,
            "since": since,
            "domain": domain,
            "answer": answer,
            "addresses": json.loads(addresses),
            "checked": checked,
        }

    def _find_address_facts(self, value: str) -> dict[str, object]:
        """Return how many blocked domains an address has, and why it is not blocked for them."""
        sql = "SELECT domains, evidence, until, reason FROM address WHERE value = ?"
        row = self._connection.execute(sql, [value]).fetchone()
        if row is None:
            return {}
        return dict(zip(("domains", "evidence", "until", "not_blocked"), row, strict=True))
