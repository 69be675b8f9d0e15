"""How fetching fails, in words for a person."""


class FetchError(Exception):
    """A feed could not be fetched; the text says what and why, for a person."""

    #: Whether something was had that is not to be taken, where others could not be had at all.
    is_refusal = False

    def __init__(self, cause: str, *, again: bool = False, wait: float | None = None) -> None:
        """`again`: whether another try may help, and after how many seconds the server says."""
        super().__init__(cause)
        self.can_retry = again
        self.retry_after = wait


class ContentRefused(FetchError):
    """What was sent is no list: too large, cut off, wrongly packed."""

    is_refusal = True
