"""Feeds of invented fraud names, the same ones for the same seed: N names in 1.5 N lines.

Four feeds overlap as real ones do: plain names 0.6 N, a hosts file 0.45 N, adblock rules 0.3 N and
links 0.15 N. A tenth of the names stand below another, and public suffixes are as frequent as in
phishing feeds of 2026. All is arithmetic on columns, so that no library's random numbers matter.
"""

import sys
from pathlib import Path

import polars as pl

SEED = 20_260_101
_ASKED = 1_000_000
_TEXT = """
secure login verify account update support service online bank pay wallet bonus crypto
shop store refund delivery parcel track invoice customer help portal access auth confirm
signin claim gift reward prize invest trade token mint airdrop loan credit card tax
police court visa mobile phone cloud mail web team desk center official promo sale
outlet luxury casino
"""
_WORDS = _TEXT.split()
#: Public suffixes and how many of a thousand names end in them.
_SUFFIXES = {
    "com": 380, "fr": 60, "net": 45, "org": 35, "top": 35, "shop": 30, "xyz": 30, "site": 25,
    "online": 25, "live": 20, "pages.dev": 25, "000webhostapp.com": 20, "github.io": 18,
    "com.br": 18, "vercel.app": 15, "info": 18, "ru": 17, "in": 15, "cc": 14, "cyou": 12,
    "com.au": 10, "co.uk": 12, "blogspot.com": 10, "cl": 8, "sbs": 10, "click": 10, "pl": 10,
    "webflow.io": 7, "weebly.com": 6, "cfd": 8, "de": 9, "duckdns.org": 6, "icu": 8, "pro": 6,
    "us": 6, "netlify.app": 5, "web.app": 6, "workers.dev": 4, "co.jp": 2,
}  # fmt: skip
_LABELS = ("www", "login", "m", "secure", "app", "id", "mail", "pay")
_GOLDEN, _MIX1, _MIX2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def names(count: int, seed: int = SEED) -> pl.Series:
    """Return `count` different names in no order, the last tenth of them below one of the rest."""
    base = count - count // 10
    # A few more than needed, for two numbers may make one name.
    made = _invented(base + base // 50 + 100, seed).unique(maintain_order=True).head(base)
    above = made.gather(_random(count - base, seed + 1, base))
    label = _one_of(_LABELS, _random(count - base, seed + 2))
    number = _random(count - base, seed + 3, 1_000_000).cast(pl.String)
    below = pl.select(pl.concat_str(label, number, pl.lit("."), above)).to_series()
    return pl.concat([made.alias("name"), below.alias("name")])


def _invented(count: int, seed: int) -> pl.Series:
    row = _random(count, seed)
    words = [_one_of(_WORDS, row // step) for step in (1, 64)]
    number = (row // 4096 % 33_554_432).cast(pl.String)
    thousand = pl.Series([s for s, share in _SUFFIXES.items() for _ in range(share)])
    suffix = thousand.gather(row // (4096 * 33_554_432) % len(thousand))
    mark = _one_of(("-", "", "-", ""), row // 7)
    return pl.select(
        pl.concat_str(words[0], mark, words[1], number, pl.lit("."), suffix)
    ).to_series()


def _one_of(texts: tuple[str, ...] | list[str], numbers: pl.Series) -> pl.Series:
    return pl.Series(texts).gather(numbers % len(texts))


def _random(count: int, seed: int, below: int | None = None) -> pl.Series:
    """Return SplitMix64 of the row numbers (Steele, Lea, Flood 2014)."""
    golden, mix1, mix2 = (pl.lit(number, pl.UInt64) for number in (_GOLDEN, _MIX1, _MIX2))
    row = (pl.int_range(count, dtype=pl.UInt64) + seed + 1) * golden
    row = (row ^ row // 2**30) * mix1
    row = (row ^ row // 2**27) * mix2
    row = row ^ row // 2**31
    found = pl.select(row if below is None else row % below).to_series()
    return found


def feeds(count: int, seed: int = SEED) -> dict[str, pl.Series]:
    """Return the lines of four feeds in which each of `count` names stands once at least."""
    every = names(count, seed)
    order = _random(count, seed + 4).arg_sort()
    every = every.gather(order)

    def part(start: float, end: float) -> pl.Series:
        first, last = int(count * start), int(count * end)
        return pl.concat([every[first : min(last, count)], every[: max(0, last - count)]])

    links = part(0.95, 1.1)
    page = _one_of(_WORDS, _random(len(links), seed + 5))
    return {
        "plain.domains.txt": part(0.0, 0.6),
        "hosts.hosts": "0.0.0.0 " + part(0.45, 0.9),
        "rules.adblock.txt": "||" + part(0.75, 1.05) + "^",
        "links.urls.txt": "https://" + links + "/" + page,
    }


def write(folder: Path, count: int) -> None:
    """Write the feeds into `folder/lists`, and a million names to ask for into `asked.txt`."""
    (folder / "lists").mkdir(parents=True)
    for name, lines in feeds(count).items():
        _write(folder / "lists" / name, lines)
    # Half of them are listed, if so many are.
    unlisted, listed = names(_ASKED // 2, SEED + 9), names(count)
    _write(folder / "asked.txt", pl.concat([listed[: _ASKED // 2], unlisted]))


def _write(path: Path, lines: pl.Series) -> None:
    lines.to_frame("line").write_csv(path, include_header=False, quote_style="never")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
