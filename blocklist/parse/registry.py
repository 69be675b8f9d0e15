"""The registry of formats: adding one is a module of its own and a row here."""

from blocklist.parse import adblock, csv, domains, hosts, ips, misp, urls, wildcard

#: In the order in which `detect` prefers formats that read a snapshot equally well.
FORMATS = {
    module.FORMAT.name: module.FORMAT
    for module in (misp, hosts, ips, domains, wildcard, urls, adblock, csv)
}
