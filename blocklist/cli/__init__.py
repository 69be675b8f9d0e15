"""Run the command line: arguments -> output and exit code; the library does the work."""

import gc
import os
import sys
import traceback
from contextlib import redirect_stderr, suppress
from io import StringIO
from typing import TYPE_CHECKING

from blocklist.cli.streams import flush_streams, make_streams_robust, warn
from blocklist.errors import BlocklistError, ConfigError

if TYPE_CHECKING:
    from typer import Typer

EXIT_INTERRUPTED = 130
# Gigabytes of columns are allocated and freed. With one arena a thread reuses what another freed,
# and after seconds it goes back to the system: 3 of 42 CPU seconds of a large build.
_ALLOCATOR_SETTINGS = "narenas:1,dirty_decay_ms:3000"


def _complete(app: "Typer") -> None:
    """Write the names that the shell asks for; a message would be printed into its prompt."""
    with suppress(Exception, KeyboardInterrupt, SystemExit), redirect_stderr(StringIO()):
        app(prog_name="blocklist")
    flush_streams()


def main() -> None:
    """Run the command line; a failure is one message on stderr and the exit code of its kind."""
    # A start makes many objects and little garbage; collecting it costs `check` milliseconds.
    gc.set_threshold(50_000)
    # jemalloc, the allocator of polars, reads it when polars is imported. A setting of the user's
    # own is kept.
    os.environ.setdefault("_RJEM_MALLOC_CONF", _ALLOCATOR_SETTINGS)
    from blocklist.cli.app import app
    from blocklist.cli.completion import is_completing

    make_streams_robust()
    if is_completing():
        _complete(app)
        return
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
        # Python's own exit code would be 1, which says that something is blocked.
        warn(traceback.format_exc() + "blocklist: a fault of the program; please report it")
        sys.exit(BlocklistError.exit_code)
    finally:
        flush_streams()
