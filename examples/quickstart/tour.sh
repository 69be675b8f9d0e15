#!/bin/sh
# Show the program at work on invented feeds, step by step: make run, or this script with `blocklist`
# on the PATH.
set -eu
cd "$(dirname "$0")"

command -v blocklist >/dev/null || {
  echo 'The command blocklist is not on the PATH; use: make run' >&2
  exit 1
}

step() { printf '\n== %s\n' "$1"; }

# Prints the command as one would type it, and runs it.
blocklist() {
  printf '\n$ blocklist'
  for word in "$@"; do
    case $word in
    *' '*) printf " '%s'" "$word" ;;
    *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  command blocklist "$@"
}

# Exit code 1 is the answer "something is blocked", not a failure.
check() { blocklist check "$@" || [ $? = 1 ]; }

step '1. From feeds to files'
echo 'Six feeds and two guard lists are read from lists/, judged, and written to out/.'
rm -rf quickstart.db quickstart.db-shm quickstart.db-wal out
blocklist run

step '2. Why is a name blocked, or not?'
check parcel-fee.made-up www.parcel-fee.made-up
echo
echo 'These names are listed, too, but are not blocked: a popular shop, your own name, a reserved name,'
echo 'and a name that only an unreliable feed lists.'
check big-shop.made-up our-company.made-up printer.example new-bakery.made-up
echo
echo 'A look-alike of your own name, with a Cyrillic letter, and an address written in octal:'
check оur-company.made-up 0313.0.0161.024

step '3. Held names: a person must decide'
blocklist review list

step '4. Your decision counts'
echo 'An allow can open a name below a blocked one. A block can overrule a guard.'
blocklist allow add help.prize-draw.made-up --reason 'our own warning page'
blocklist block add 203.0.113.16/28 --reason 'our lab'
blocklist run
check prize-draw.made-up help.prize-draw.made-up 203.0.113.20

step '5. Every line is accounted for'
echo 'Each line of a feed is accepted, a comment, or refused with a reason.'
blocklist feeds test lists/fraud.hosts

step '6. Once more: nothing changed, so no file is touched'
blocklist run

step 'Where things are'
cat <<'END'
examples/quickstart/blocklist.toml   the configuration, with comments
examples/quickstart/lists/           the feeds: change one, then run it again
examples/quickstart/out/             hosts, domains.txt, db.rpz, blocklist.nft, networks.txt
examples/quickstart/quickstart.db    the ledger: who listed what, since when, and every decision

Next: docs/tutorial/first-hour.md, or put .venv/bin on your PATH, then
  blocklist init DIR                 a configuration of your own
  blocklist --help                   all commands; docs/index.md lists the documentation
END
