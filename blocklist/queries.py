"""What a person or a script asks about: a name, an address, a network or a URL, told apart."""

from blocklist import networks
from blocklist.errors import Refused
from blocklist.model import Indicator, Kind


def parse_query(text: str) -> Indicator:
    """Return the indicator that a text means; raise `Refused` with the reason when it is none."""
    text = text.strip()
    if "//" in text or ("[" in text and "]" in text and not text.startswith("[")):
        from blocklist import urls

        refanged = urls.refang(text)
        if "://" in refanged:
            return Indicator(Kind.URL, urls.parse(refanged).value)
        text = refanged
    try:
        return Indicator(Kind.IP, networks.text(networks.parse(text)))
    except Refused:
        pass
    from blocklist.urls import host_of

    return Indicator(*host_of(text))
