"""The built-in lists are well-formed, and names that must never be blocked are not blocked."""

from datetime import date
from importlib.resources import files

import polars as pl
import pytest

from blocklist.config.toml import load_toml
from blocklist.frames.public_suffixes import PublicSuffixes
from blocklist.frames.schemas import LISTINGS
from blocklist.indicators.names import canonicalize_name, name_and_ancestors
from blocklist.indicators.networks import format_network, parse_network
from blocklist.indicators.query import parse_query
from blocklist.judge.builtin_lists import load_builtin_groups, load_builtin_names
from blocklist.judge.guards import GuardLists, load_guards, load_public_suffixes
from blocklist.judge.judge import JudgeInput, decide_verdicts
from blocklist.model import Entry, Kind, Scope, Verdict

LISTS = ["reserved", "never-block", "shared-hosts", "shared-networks", "platforms"]
#: What tells the state of a name, and guards nothing.
SIGNS = ["parked", "sinkholes"]
#: No list; tests/test_agreement.py looks at it.
OTHERS = ["half-lives", "institutions"]
NAMES = [
    (part, group.title, name)
    for part in LISTS
    for group in load_builtin_groups(part)
    for name in group.names
]
#: Shared networks are not here: one network may be of two groups.
NETWORKS = [
    net
    for part in LISTS
    if part != "shared-networks"
    for group in load_builtin_groups(part)
    for net in group.networks
]


def test_every_file_of_the_core_is_known() -> None:
    folder = files("blocklist") / "judge" / "builtin"
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        f"{part}.toml" for part in LISTS + SIGNS + OTHERS
    )


@pytest.mark.parametrize("part", LISTS + SIGNS)
def test_a_list_is_groups_with_reasons(part: str) -> None:
    table = load_toml(files("blocklist") / "judge" / "builtin" / f"{part}.toml")
    assert list(table) == ["group"]
    groups = load_builtin_groups(part)
    assert len({group.title for group in groups}) == len(groups)
    for group in groups:
        assert group.title and group.why, group
        assert group.names or group.networks, group.title
        assert not group.source or group.source.startswith(("https://", "by hand")), group.title
        if group.date not in ("", "unknown"):
            date.fromisoformat(group.date)
        assert list(group.names) == sorted(group.names), group.title


def test_names_are_canonical() -> None:
    assert [name for *_, name in NAMES if canonicalize_name(name) != name] == []


def test_no_name_stands_twice() -> None:
    found = pl.DataFrame({"name": [name for *_, name in NAMES]})
    assert found.filter(pl.col("name").is_duplicated())["name"].unique().to_list() == []


def test_networks_are_canonical_and_stand_once() -> None:
    assert [net for net in NETWORKS if format_network(parse_network(net)) != net] == []
    assert len(set(NETWORKS)) == len(NETWORKS)
    guarding = {part for part in LISTS for group in load_builtin_groups(part) if group.networks}
    assert guarding == {"reserved", "never-block", "shared-networks"}


@pytest.mark.parametrize("part", SIGNS)
def test_signs_are_canonical(part: str) -> None:
    assert [name for name in load_builtin_names(part) if canonicalize_name(name) != name] == []
    nets = [net for group in load_builtin_groups(part) for net in group.networks]
    assert [net for net in nets if format_network(parse_network(net)) != net] == []


def test_platforms_are_what_the_public_suffix_list_lacks() -> None:
    platforms = pl.Series(sorted(load_builtin_names("platforms")))
    assert (
        platforms.filter(PublicSuffixes().registrable_domains(platforms).is_null()).to_list() == []
    )


@pytest.mark.parametrize("part", ["never-block", "shared-hosts"])
def test_no_entry_is_a_public_suffix_and_so_needless(part: str) -> None:
    found = pl.Series(sorted(load_builtin_names(part)))
    assert found.filter(load_public_suffixes().registrable_domains(found).is_null()).to_list() == []


#: What breaks when it is gone, or what takes a country, a bank or a shared service along.
NEVER = """
localhost localhost.localdomain router.local nas.home.arpa 1.0.0.127.in-addr.arpa example.com onion
0.0.0.0 127.0.0.1 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.1.1 224.0.0.1 ::1 fe80::1
255.255.255.255 ff02::1 fd00::1 2001:db8::1 64:ff9b::8.8.8.8 0.0.0.0/0 ::/0
8.8.8.8 1.1.1.0/24 9.9.9.9 198.41.0.4 2001:4860:4860::8888 16.0.0.0/4 45.0.0.0/11 2a00::/28
com org net de cn co.uk com.cn gov.uk gov ac.uk github.io pages.dev workers.dev blogspot.com
bet.br za.com kharkov.ua org.in
herokuapp.com cloudfront.net amazonaws.com s3.amazonaws.com azurewebsites.net web.app vercel.app
a.root-servers.net m.root-servers.net a.gtld-servers.net one.one.one.one dns.google dns.quad9.net
time.windows.com time.apple.com pool.ntp.org 0.pool.ntp.org time.google.com time.nist.gov
ocsp.digicert.com crl3.digicert.com ocsp.sectigo.com r3.o.lencr.org acme-v02.api.letsencrypt.org
ocsp.pki.goog ocsp.globalsign.com www.msftconnecttest.com connectivitycheck.gstatic.com
captive.apple.com detectportal.firefox.com clients3.google.com msftncsi.com
windowsupdate.com download.windowsupdate.com update.microsoft.com login.microsoftonline.com
outlook.office365.com login.live.com apple.com swcdn.apple.com gdmf.apple.com icloud.com
google.com www.google.com accounts.google.com mail.google.com play.google.com gmail.com
fonts.googleapis.com www.gstatic.com android.clients.google.com safebrowsing.googleapis.com
deb.debian.org security.ubuntu.com archlinux.org pypi.org files.pythonhosted.org registry.npmjs.org
addons.mozilla.org aus5.mozilla.org registry-1.docker.io github.com raw.githubusercontent.com
mail.ru qq.com yahoo.com proton.me web.de paypal.com www.paypal.com stripe.com visa.com
www.mastercard.com chase.com hsbc.com icbc.com.cn sparkasse.de alipay.com wise.com
www.gov.uk www.nhs.uk europa.eu irs.gov who.int cloudflare.com fastly.net facebook.com
whatsapp.com wikipedia.org zoom.us slack.com dhl.com usps.com virustotal.com haveibeenpwned.com
151.101.1.140 23.227.38.65 209.85.221.171 13.32.5.5 185.199.108.153 104.21.5.7 2606:4700::6810:1
bit.ly t.co tinyurl.com sites.google.com docs.google.com drive.google.com forms.gle dropbox.com
telegra.ph t.me pastebin.com weebly.com www.weebly.com wordpress.com sharepoint.com
gravatar.com www.gravatar.com share.google bio.site goo.su tr.ee qr.fm shorten.ee bom.so mez.ink
link.me href.li surl.lt magic.ly zzb.bz eu.cc www.usa.cc up.railway.app axshare.com docsend.com
"""

#: Strangers' own names, which a list of frauds may well name.
BLOCKABLE = """
evil.com paypal.com.evil.com secure-paypal.com victim.pages.dev victim.weebly.com x.github.io
bucket.s3.amazonaws.com shop.blogspot.com evil.co.uk a.trycloudflare.com 46.9.9.9 2a00::1
2.48.0.0/12 2a00::/29 52.1.2.3 5.9.1.1 2a01:4f8::1
bank-login.eu.cc pay.usa.cc app1.up.railway.app x7k2.axshare.com shop.myportfolio.com
share-google.top evil-gravatar.com casino.bet.br fraud.za.com
"""


def verdicts(listed: list[str], scope: Scope, entries: list[Entry]) -> dict[str, str]:
    """Return the verdict of each value if a fully reliable feed lists it."""
    rows = []
    for text in listed:
        found = parse_query(text)
        name = found.kind is Kind.DOMAIN
        rows.append(("feed", found.kind, found.value, scope if name else Scope.EXACT))
    case = JudgeInput(
        listings=pl.DataFrame(rows, schema=LISTINGS, orient="row"),
        reliability={"feed": 1.0},
        guards=load_guards((), GuardLists()),
        entries=entries,
    )
    return dict(decide_verdicts(case).select("value", "verdict").iter_rows())


@pytest.mark.parametrize("scope", list(Scope))
def test_what_must_never_be_blocked_is_not(scope: Scope) -> None:
    found = verdicts(NEVER.split(), scope, [])
    assert len(found) == len(NEVER.split())
    assert [value for value, verdict in found.items() if verdict == Verdict.BLOCK] == []


@pytest.mark.parametrize("scope", list(Scope))
def test_what_is_a_strangers_own_is_blocked(scope: Scope) -> None:
    found = verdicts(BLOCKABLE.split(), scope, [])
    assert [value for value, verdict in found.items() if verdict != Verdict.BLOCK] == []


def test_no_entry_of_the_core_is_blocked_nor_any_name_that_takes_it_along() -> None:
    above = {parent for *_, name in NAMES for parent in name_and_ancestors(name)}
    found = verdicts(sorted(above), Scope.SUBTREE, [])
    assert [value for value, verdict in found.items() if verdict == Verdict.BLOCK] == []


def test_only_the_operator_is_above_the_core() -> None:
    entry = Entry(Kind.DOMAIN, "google.com", Scope.SUBTREE, Verdict.BLOCK, "at school", "", None)
    found = verdicts(["www.google.com", "apple.com"], Scope.EXACT, [entry])
    assert found == {"google.com": "block", "www.google.com": "block", "apple.com": "allow"}
