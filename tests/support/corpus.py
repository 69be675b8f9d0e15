"""The folder of real feeds: its files, their formats, and a configuration with all of them."""

from pathlib import Path

#: Formats of files whose suffix is not the name of the format.
_FORMAT_BY_SUFFIX = {"tsv": "ips", "cidr": "ips", "trails": "maltrail"}
#: Files that are not lists.
SUFFIX_LIST = "public_suffix_list.dat"
NON_LISTS = {"README.md", SUFFIX_LIST}


def format_of_file(file: Path) -> str:
    """Return the format of a file by its name."""
    words = file.name.removesuffix(".txt").removesuffix(".conf").split(".")
    if words[-1] == "json":
        return "misp" if file.parent.name == "warninglists" else "json"
    return _FORMAT_BY_SUFFIX.get(words[-1], words[-1])


def corpus_files(corpus: Path) -> dict[str, Path]:
    """Return all files of the corpus by name."""
    paths = [*corpus.iterdir(), *(corpus / "warninglists").iterdir()]
    return {file.name: file for file in sorted(paths) if file.is_file()}


_FORMAT_BY_ENDING = {
    ".domains.txt": "domains",
    ".hosts": "hosts",
    ".adblock.txt": "adblock",
    ".wildcard.txt": "wildcard",
    ".ips.txt": "ips",
    ".cidr.txt": "ips",
    ".urls.txt": "urls",
}
#: Lists of names that are not, or no longer, fraud.
_NO_FEEDS = {"jarelllama-dead.domains.txt", "phishing-database-falsepositives.domains.txt"}
_GUARDS = ["tranco10k", "cloudflare-top100k"]


def corpus_settings(corpus: Path) -> str:
    """Return a configuration with all real feeds of the corpus."""
    feeds = [
        f"[feeds.{file.name.replace('.', '-')}]\nenabled = true\nurl = '{file}'\nformat = '{name}'"
        for file in sorted(corpus.iterdir())
        for ending, name in _FORMAT_BY_ENDING.items()
        if file.name.endswith(ending) and file.name not in _NO_FEEDS
    ]
    assert len(feeds) > 20
    guards = [
        f"[guards.{name}]\nenabled = true\nurl = '{corpus / 'warninglists' / name}.json'\n"
        "format = 'misp'\nmandatory = true"
        for name in _GUARDS
    ]
    suffixes = f"[guards.public-suffix]\nenabled = true\nurl = '{corpus / SUFFIX_LIST}'"
    return "\n\n".join([*feeds, *guards, suffixes])
