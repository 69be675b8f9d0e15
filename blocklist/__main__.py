"""Run the command line: `python -m blocklist` is the same program as `blocklist`."""

from blocklist.cli import main

if __name__ == "__main__":
    main()
