"""Run the command line: arguments -> output and exit code. One module per verb group, no logic."""

import gc
import os
import sys

from blocklist.errors import BlocklistError, ConfigError

EXIT_INTERRUPTED = 130
# Columns come and go by the gigabyte. What one thread gave back serves the next, and goes to the
# system after seconds: that saves 3 of 42 processor seconds of a large build.
_ALLOCATOR_SETTINGS = "narenas:1,dirty_decay_ms:3000"


def main() -> None:
    """Run the command line; a failure is one message on stderr and the exit code of its kind."""
    # Starting makes many objects and little garbage; looking for it costs `check` milliseconds.
    gc.set_threshold(50_000)
    # Read by jemalloc, polars' allocator, when polars is imported; a person's own choice stands.
    os.environ.setdefault("_RJEM_MALLOC_CONF", _ALLOCATOR_SETTINGS)
    from blocklist.cli.app import app
    from blocklist.cli.streams import flush_streams, make_streams_robust, warn

    make_streams_robust()
    try:
        app(prog_name="blocklist")
    except SystemExit as end:
        if end.code == EXIT_INTERRUPTED:
            warn("blocklist: interrupted; what was complete before stays")
        raise
    except BlocklistError as error:
        for message in error.mistakes if isinstance(error, ConfigError) else [error]:
            warn(f"blocklist: {message}")
        sys.exit(error.exit_code)
    except Exception:
        import traceback

        # Python's own exit code would be 1, which says that something is blocked.
        warn(traceback.format_exc() + "blocklist: a fault of the program; please report it")
        sys.exit(BlocklistError.exit_code)
    finally:
        flush_streams()
