"""`python -m blocklist`: the same program as the `blocklist` command."""

from blocklist.cli import main

if __name__ == "__main__":
    main()
