"""Escape text from feeds and people, so that it cannot control the terminal that shows it."""


def escape_unprintable(text: str) -> str:
    """Return text with control and other unprintable characters escaped.

    Line ends and tabs are kept.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
