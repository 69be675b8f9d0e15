"""Choose the proxy of a request: environment and URL -> proxy, or none.

The variables are those of `urllib.request.getproxies`: `http_proxy`, `https_proxy`, `no_proxy`.
"""

import re
from typing import TYPE_CHECKING

from blocklist.fetch.credentials import redact_url
from blocklist.fetch.ssrf import SsrfGuard, is_public_address

if TYPE_CHECKING:
    from yarl import URL


def list_proxies() -> list[str]:
    """Return the proxies of the environment with what each is for: `http://proxy:3128 for https`.

    Users and passwords are left out.
    """
    from urllib.request import getproxies

    proxies = getproxies()
    uses: dict[str, list[str]] = {}
    for scheme in filter(proxies.get, ("http", "https")):
        uses.setdefault(redact_url(_complete_proxy_url(proxies[scheme])), []).append(scheme)
    return [f"{proxy} for {' and '.join(schemes)}" for proxy, schemes in uses.items()]


def _complete_proxy_url(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def select_proxy(url: "URL", guard: SsrfGuard) -> str | None:
    """Return the environment's proxy for a URL, or None.

    The proxy resolves the host name, so only a literal address can be checked here.
    """
    from urllib.request import getproxies, proxy_bypass

    host = url.host or ""
    proxy = getproxies().get(url.scheme)
    guard.is_proxied = bool(proxy) and not proxy_bypass(host)
    if not proxy or not guard.is_proxied:
        return None
    if re.fullmatch(r"[0-9.]+|.*:.*", host) and guard.is_redirected and not is_public_address(host):
        guard.refused_address = host
        raise PermissionError(f"{host} is not public")
    return _complete_proxy_url(proxy)
