"""The command line: one module a verb group, no logic."""

import sys

from blocklist.errors import BlocklistError

INTERRUPTED = 130


def main() -> None:
    """Run the command line; a failure is one message on stderr and the exit code of its kind."""
    from blocklist.cli.app import app

    try:
        app(prog_name="blocklist")
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("blocklist: interrupted; what was complete before stays", file=sys.stderr)  # noqa: T201
        raise
    except BlocklistError as error:
        print(f"blocklist: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader went away, as `head` does; nobody is left to tell.
        sys.stderr.close()
        sys.exit(0)
