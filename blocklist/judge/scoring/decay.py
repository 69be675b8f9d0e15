"""Reduce the reliability of overdue feeds: reliability, category, days -> reduced reliability."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from blocklist.config.toml import build_dataclass, load_toml
from blocklist.model import Category


@dataclass(frozen=True, slots=True)
class HalfLife:
    """After how many days listings of some categories are half as likely to be still true."""

    categories: tuple[Category, ...]
    days: int
    why: str


@cache
def load_half_lives() -> dict[Category, HalfLife]:
    """Return the half-life of each category that feeds list; guards have none."""
    file = files("blocklist") / "judge" / "builtin" / "half-lives.toml"
    tables = load_toml(file)["half_life"]
    every = [build_dataclass(HalfLife, table, f"{file}: half_life") for table in tables]
    return {category: one for one in every for category in one.categories}


def decay_reliability(reliability: float, category: Category, days: int) -> float:
    """Return how reliable a feed is that has been overdue for so many days."""
    known = load_half_lives().get(category)
    return reliability if known is None else reliability * 0.5 ** (days / known.days)
