"""Canonicalize the tokens of lines: tokens -> kind, value and scope, or the reason of a refusal."""

import polars as pl

from blocklist.frames.names import canonicalize_names
from blocklist.frames.networks import canonicalize_networks
from blocklist.frames.schemas import KIND, SCOPE
from blocklist.frames.urls import canonicalize_hosts, canonicalize_urls, url_host
from blocklist.indicators.names import WHITESPACE
from blocklist.model import Kind, Scope
from blocklist.parse.format import refang_column
from blocklist.parse.options import ParseOptions
from blocklist.parse.own_exceptions import OWN_RULES

#: The reason of an exception, which takes out blocks of its own list.
EXCEPTION = "exception"
#: The reasons of lines that open a name: in dnsmasq also a name that another server answers.
_OPENING_REASONS = (EXCEPTION, "forward")
#: The reason of a number that has not the four parts of an IPv4 address.
PARTIAL_ADDRESS = "partial-address"

_NO_INDICATOR = {"kind": pl.lit(None, KIND), "value": pl.lit(None, pl.String)}
# The full stops that UTS-46 maps to a dot.
_UNICODE_DOTS = "[\u3002\uff0e\uff61]"
_IPV4_VALUE = r"^[0-9]+(?:\.[0-9]+){3}$"
_AUTHORITY = r"^([^/?#\\]*)"


def canonicalize_tokens(tokens: pl.DataFrame, options: ParseOptions) -> pl.DataFrame:
    """Add `kind` and `value` to tokens, or the reason why they are no indicator."""
    is_refused = pl.col("reason").is_not_null()
    parts = [tokens.filter(is_refused).with_columns(**_NO_INDICATOR)]
    for read, canonicalize in _CANONICALIZERS.items():
        rows = tokens.filter((pl.col("read") == read) & pl.col("reason").is_null())
        if not rows.is_empty():
            parts.append(
                pl.concat([rows.drop("reason"), canonicalize(rows["token"])], how="horizontal")
            )
    result = pl.concat(parts, how="diagonal").sort("line", maintain_order=True)
    is_name = pl.col("kind") == Kind.DOMAIN.value
    scope = pl.when(is_name).then("scope").otherwise(pl.lit(Scope.EXACT.value, SCOPE))
    if options.scope is not None:
        scope = pl.coalesce(pl.when(is_name).then(pl.lit(options.scope.value, SCOPE)), scope)
    return result.with_columns(scope=scope)


def collect_own_rules(tokens: pl.DataFrame, valid: pl.DataFrame) -> pl.DataFrame:
    """Return the exceptions among tokens and the firm blocks among indicators (`OWN_RULES`)."""
    exceptions = tokens.filter(pl.col("reason").is_in(_OPENING_REASONS))
    firm = valid.filter("is_firm") if "is_firm" in valid.columns else valid.clear()
    if exceptions.is_empty() and firm.is_empty():
        return OWN_RULES.to_frame()
    unrefused = exceptions.with_columns(reason=pl.lit(None, pl.String))
    rules = canonicalize_tokens(unrefused, ParseOptions()).drop_nulls("value")
    parts = [
        part.select("kind", "value", "scope", is_firm=_is_firm(part), blocks=pl.lit(value=blocks))
        for part, blocks in ((rules, False), (firm, True))
    ]
    return pl.concat(parts).match_to_schema(OWN_RULES)


def _is_firm(tokens: pl.DataFrame) -> pl.Expr:
    return pl.col("is_firm") if "is_firm" in tokens.columns else pl.lit(value=False)


def _canonicalize_hosts(tokens: pl.Series) -> pl.DataFrame:
    hosts = canonicalize_hosts(tokens)
    # A lone word or number in a feed is debris or a top-level domain, and no fraud host.
    is_name = pl.col("kind") == Kind.DOMAIN.value
    written = _unify_dots(tokens)
    is_word = pl.when(is_name).then("value").otherwise(written).str.contains(r"^[^.:]*$")
    is_partial = pl.lit(_are_partial_addresses(written, hosts["value"]))
    return hosts.with_columns(
        value=pl.when(~is_word & ~is_partial).then("value"),
        reason=pl.when(is_word)
        .then(pl.lit("single-label"))
        .when(is_partial)
        .then(pl.lit(PARTIAL_ADDRESS))
        .otherwise("reason"),
    )


def _canonicalize_ips(tokens: pl.Series) -> pl.DataFrame:
    return canonicalize_networks(tokens).with_columns(kind=pl.lit(Kind.IP.value, KIND))


def _canonicalize_urls(tokens: pl.Series) -> pl.DataFrame:
    return canonicalize_urls(tokens).with_columns(kind=pl.lit(Kind.URL.value, KIND))


def _canonicalize_schemeless_urls(tokens: pl.Series) -> pl.DataFrame:
    """Read `host/path` and `host:port` as http; `45.9/16` is a cut-off network and no link."""
    urls = _canonicalize_urls("http://" + tokens)
    hosts = urls.select(url_host(pl.col("value"))).to_series()
    authority = tokens.str.extract(_AUTHORITY).str.replace(r"^.*@", "").str.replace(r":[0-9]*$", "")
    is_partial = pl.lit(_are_partial_addresses(_unify_dots(authority), hosts))
    return urls.with_columns(
        value=pl.when(~is_partial).then("value"),
        reason=pl.when(is_partial).then(pl.lit(PARTIAL_ADDRESS)).otherwise("reason"),
    )


def _unify_dots(hosts: pl.Series) -> pl.Series:
    """Return hosts as written, with ASCII dots and without a final one."""
    bare = hosts.to_frame("host").select(refang_column(pl.col("host"))).to_series()
    bare = bare.str.strip_chars(WHITESPACE).str.replace_all(_UNICODE_DOTS, ".")
    return bare.str.strip_suffix(".")


def _are_partial_addresses(written: pl.Series, hosts: pl.Series) -> pl.Series:
    """Return which hosts are IPv4 addresses that their text does not write with four parts.

    Browsers read `3.11.7` as 3.11.0.7. In a list it is a cut-off address or a version number.
    """
    dots = written.str.count_matches(".", literal=True)
    return (hosts.str.contains(_IPV4_VALUE) & (dots != 3)).fill_null(value=False)


def _canonicalize_suffixes(tokens: pl.Series) -> pl.DataFrame:
    return canonicalize_names(tokens).with_columns(kind=pl.lit(Kind.DOMAIN.value, KIND))


_CANONICALIZERS = {
    "host": _canonicalize_hosts,
    "ip": _canonicalize_ips,
    "url": _canonicalize_urls,
    "schemeless-url": _canonicalize_schemeless_urls,
    "suffix": _canonicalize_suffixes,
}
