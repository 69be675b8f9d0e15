"""How fetching fails, in words for a person."""


class FetchError(Exception):
    """A feed could not be fetched; the text says what and why, for a person."""

    #: Whether something was had that is not to be taken, where others could not be had at all.
    refused = False

    def __init__(self, cause: str, *, again: bool = False, wait: float | None = None) -> None:
        """`again`: whether another try may help, and after how many seconds the server says."""
        super().__init__(cause)
        self.again = again
        self.wait = wait


class Unacceptable(FetchError):
    """What was sent is no list: too large, cut off, wrongly packed."""

    refused = True
