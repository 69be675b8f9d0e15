"""List the examples of the help: the words of a command -> command lines, and what each is for."""

_UNTIL_NEXT_RUN = "from the next run on"

EXAMPLES: dict[str, dict[str, str]] = {
    "": {
        "blocklist init": "write a configuration to start from",
        "blocklist run": "fetch the feeds, write the files",
        "blocklist check shop.example": "is it blocked, and why?",
        "blocklist allow add shop.example --now": "open a name at once",
    },
    "init": {
        "blocklist init": "here",
        "blocklist init /srv/blocklist": "in this folder",
        "sudo blocklist init --system": "/etc and /var/lib, for a service",
    },
    "run": {
        "blocklist run": "what a timer runs",
        "blocklist -q run": "print only what is wrong",
        "blocklist run --accept cert-pl": "its list was changed on purpose",
    },
    "check": {
        "blocklist check shop.example 192.0.2.7": "are they blocked, and why?",
        "blocklist check --explain shop.example": "each rule of the judge",
        "blocklist check --only block - < names.txt": "those that are blocked",
        "blocklist check --at 2026-05-03 shop.example": "was it blocked then?",
    },
    "allow": {
        "blocklist allow add shop.example --now": "open a name at once",
        "blocklist allow list": "the entries in force",
    },
    "allow add": {
        "blocklist allow add shop.example --now": "open it at once",
        'blocklist allow add shop.example --reason "ticket 7"': _UNTIL_NEXT_RUN,
        "blocklist allow add shop.example --for 2h": "it ends by itself",
        "blocklist allow add 192.0.2.0/24": "a network",
    },
    "allow remove": {
        "blocklist allow remove shop.example": _UNTIL_NEXT_RUN,
        "blocklist allow remove shop.example --now": "at once",
    },
    "allow import": {
        "blocklist allow import entries.toml": "add and change entries",
        "blocklist allow import entries.toml --prune": "end all others",
    },
    "allow export": {
        "blocklist allow export > entries.toml": "a file for git",
        "blocklist allow export --format csv": "as a table",
    },
    "allow list": {
        "blocklist allow list": "as a table",
        "blocklist allow list --json": "for a program",
    },
    "block": {
        "blocklist block add fraud.example --now": "block a name at once",
        "blocklist block list": "the entries in force",
    },
    "block add": {
        "blocklist block add fraud.example --now": "block it at once",
        "blocklist block add fraud.example --scope exact": "no names below it",
        "blocklist block add 192.0.2.7 --until 2099-01-31": "an address, for a time",
    },
    "block remove": {
        "blocklist block remove fraud.example": _UNTIL_NEXT_RUN,
        "blocklist block remove fraud.example --now": "at once",
    },
    "block import": {
        "blocklist block import entries.toml": "add and change entries",
        "blocklist block import entries.toml --prune": "end all others",
    },
    "block export": {
        "blocklist block export > entries.toml": "a file for git",
        "blocklist block export --format csv": "as a table",
    },
    "block list": {
        "blocklist block list": "as a table",
        "blocklist block list --json": "for a program",
    },
    "review": {
        "blocklist review list": "what is held, and why",
        "blocklist review accept fraud.example": "block it",
        "blocklist review reject shop.example": "allow it",
    },
    "review list": {
        "blocklist review list --limit 10": "those with the most feeds",
        "blocklist review list --reason popular": "held for this reason",
        "blocklist review list --feed cert-pl": "listed by this feed",
    },
    "review accept": {
        "blocklist review accept fraud.example --now": "block it at once",
        "blocklist review accept fraud.example --for 4w": "then decide again",
        "blocklist review accept --feed cert-pl": "all that it lists",
    },
    "review reject": {
        "blocklist review reject shop.example --now": "allow it at once",
        'blocklist review reject shop.example --reason "ours"': "record why",
        "blocklist review reject --feed cert-pl": "all that it lists",
    },
    "expire": {
        "blocklist expire": _UNTIL_NEXT_RUN,
        "blocklist -q expire --now": "for a timer that runs each minute",
    },
    "feeds": {
        "blocklist feeds list --enabled": "the feeds in use",
        "blocklist feeds show cert-pl": "one feed",
        "blocklist feeds add https://lists.example/bad.txt": "a feed of your own",
    },
    "feeds list": {
        "blocklist feeds list --enabled": "the feeds in use",
        "blocklist feeds list --category phishing": "what could be used?",
        "blocklist feeds list --licence CC0": "free to use and pass on",
    },
    "feeds show": {
        "blocklist feeds show cert-pl": "its settings and its state",
        "blocklist feeds show cert-pl --json": "for a program",
    },
    "feeds test": {
        "blocklist feeds test bad.txt": "what would be read?",
        "blocklist feeds test bad.txt --format hosts": "as a hosts file",
        "blocklist feeds test https://lists.example/bad.txt": "a URL",
    },
    "feeds add": {
        "blocklist feeds add https://lists.example/bad.txt": "ask, then add it",
        "blocklist feeds add bad.txt --name own --category scam": "a file",
        "blocklist feeds add bad.txt --reliability 0.9 --yes": "for a script",
    },
    "feeds overlap": {
        "blocklist feeds overlap": "which feeds could be left out?",
        "blocklist feeds overlap --json": "for a program",
    },
    "release": {
        "blocklist release list": "all releases",
        "blocklist release diff 11 current": "what changed since 11?",
        "blocklist release rollback": "back to the release before",
    },
    "release build": {
        "blocklist release build": "judge what is stored, publish it",
        "blocklist release build --json": "for a program",
    },
    "release list": {
        "blocklist release list": "as a table",
        "blocklist release list --json": "for a program",
    },
    "release show": {
        "blocklist release show": "the current release",
        "blocklist release show 11 --limit 100": "an earlier one",
        "blocklist release show candidate": "what the gate holds, and why",
    },
    "release diff": {
        "blocklist release diff 11 current": "what changed since 11?",
        "blocklist release diff current candidate": "what would change?",
        "blocklist release diff 11 12 --feed cert-pl": "by this feed",
    },
    "release accept": {
        "blocklist release diff current candidate": "first see what it changes",
        'blocklist release accept --reason "a new feed"': "then publish it",
    },
    "release rollback": {
        "blocklist release rollback": "to the release before",
        'blocklist release rollback 11 --reason "bad day"': "to release 11",
        "blocklist release rollback --feed cert-pl": "undo one feed's update",
    },
    "release unpin": {
        "blocklist release unpin": "publish again",
        "blocklist release unpin --feed cert-pl": "take its updates again",
    },
    "update": {
        "blocklist update": "the feeds that are due",
        "blocklist update cert-pl": "this one, due or not",
    },
    "resolve": {
        "blocklist resolve --limit 10000": "names that are due",
        "blocklist resolve fraud.example": "this name",
        "blocklist resolve --server 192.0.2.53#5353": "ask this resolver",
    },
    "export": {
        "blocklist export": "all files",
        "blocklist export dns": "that of [exports.dns]",
        "blocklist export dns --force": "also if nothing changed",
    },
    "prune": {
        "blocklist prune": "keep 400 days",
        "blocklist prune --keep 52w": "keep a year",
    },
    "status": {
        "blocklist status": "is the list what it should be?",
        "blocklist -q status": "print nothing unless there is a problem",
        "blocklist status --json": "for monitoring",
    },
    "doctor": {
        "blocklist doctor": "every problem, and what to do",
        "blocklist -v doctor": "also what is well",
        "blocklist doctor --repair": "repair what needs no decision",
    },
}
