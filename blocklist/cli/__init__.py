"""The command line: one module a verb group, no logic."""

import gc
import sys

from blocklist.errors import BlocklistError

INTERRUPTED = 130


def main() -> None:
    """Run the command line; a failure is one message on stderr and the exit code of its kind."""
    # Starting makes many objects and little garbage; looking for it costs `check` milliseconds.
    gc.set_threshold(50_000)
    from blocklist.cli.app import app
    from blocklist.cli.streams import finished, robust, warn

    robust()
    try:
        app(prog_name="blocklist")
    except SystemExit as end:
        if end.code == INTERRUPTED:
            warn("blocklist: interrupted; what was complete before stays")
        raise
    except BlocklistError as error:
        warn(f"blocklist: {error}")
        sys.exit(error.exit_code)
    except Exception:
        import traceback

        # Python's own exit code would be 1, which says that something is blocked.
        warn(traceback.format_exc() + "blocklist: a fault of the program; please report it")
        sys.exit(BlocklistError.exit_code)
    finally:
        finished()
