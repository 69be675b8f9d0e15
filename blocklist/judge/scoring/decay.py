"""Reduce the reliability of overdue feeds: reliability, category, days -> reduced reliability."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated

from blocklist.config.tables import build_dataclass
from blocklist.config.toml import load_toml
from blocklist.config_keys import Doc, Range
from blocklist.model import Category


@dataclass(frozen=True, slots=True)
class HalfLife:
    """The number of days after which listings of some categories are half as reliable."""

    categories: Annotated[tuple[Category, ...], Doc("The categories.")]
    days: Annotated[int, Range(1), Doc("The number of days.")]
    why: Annotated[str, Doc("The reason for this number.")]


@cache
def load_half_lives() -> dict[Category, HalfLife]:
    """Return the half-life of each category of feeds; categories of guards have none."""
    file = files("blocklist") / "judge" / "builtin" / "half-lives.toml"
    tables = load_toml(file)["half_life"]
    half_lives = [build_dataclass(HalfLife, table, f"{file}: half_life") for table in tables]
    return {category: half_life for half_life in half_lives for category in half_life.categories}


def decay_reliability(reliability: float, category: Category, overdue_days: int) -> float:
    """Return the reliability of a feed that has been overdue for so many days."""
    half_life = load_half_lives().get(category)
    return (
        reliability if half_life is None else reliability * 0.5 ** (overdue_days / half_life.days)
    )
