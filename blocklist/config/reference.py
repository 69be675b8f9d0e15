"""Render the configuration reference and the template of `init` from the keys: keys -> text."""

import json
import re
import textwrap
from importlib.resources import files

from blocklist.config.exports import ExportSelection, ExportSettings, ExportTable
from blocklist.config.feeds import Feed
from blocklist.config.installation import Installation
from blocklist.config.loader import ConfigTables
from blocklist.config.sections import CollectConfig, GateConfig, PolicyConfig, ResolveConfig
from blocklist.config.targets import Target, list_package_targets
from blocklist.config_keys import Form, Key, Range, ValueType, keys_of

_TYPE_NOUNS = {str: "text", bool: "true or false", int: "whole number", float: "number"}
_ARTICLE = re.compile("^an? ")
_PLACEHOLDER = re.compile(r"\{(\w+)\.(\w+)\}")


def _export_keys() -> dict[str, Key]:
    """Return the keys of an export but those of its installation, the required ones first."""
    keys = keys_of(ExportTable)
    classes = (ExportTable, ExportSettings, ExportSelection)
    names = [name for cls in classes for name in cls.__annotations__]
    return {name: keys[name] for name in names if name in keys}


#: The keys of each table of the reference.
KEY_TABLES: dict[str, dict[str, Key]] = {
    "blocklist": keys_of(ConfigTables),
    "feeds": keys_of(Feed),
    "policy": keys_of(PolicyConfig),
    "collect": keys_of(CollectConfig),
    "resolve": keys_of(ResolveConfig),
    "gate": keys_of(GateConfig),
    "exports": _export_keys(),
    "installation": keys_of(Installation),
    "targets": keys_of(Target),
}


def render_key_table(name: str) -> list[str]:
    """Return the lines of the Markdown table with the keys of a TOML table."""
    rows = [
        (f"`{key.name}`", _describe(key.type), _render_default(key), key.doc)
        for key in KEY_TABLES[name].values()
    ]
    head = ["| key | expected | default | meaning |", "|---|---|---|---|"]
    return head + ["| " + " | ".join(map(_escape_cell, row)) + " |" for row in rows]


def render_template(state_folder: str = "") -> str:
    """Return the blocklist.toml that `init` writes.

    In the comments of template.toml, `{policy.own}` stands for the meaning of that key, and
    `{targets}` for the names of the targets. With a `state_folder`, which ends with a slash, the
    database and the exports are in that folder.
    """
    template = (files("blocklist") / "config" / "template.toml").read_text(encoding="utf-8")
    for path in ('database = "', 'path = "'):
        template = template.replace(path, path + state_folder)
    template = template.replace("/FOLDER/", state_folder or "/FOLDER/")
    targets = textwrap.fill(" ".join(list_package_targets()), 96, break_on_hyphens=False)
    template = template.replace("{targets}", targets.replace("\n", "\n# "))
    return _PLACEHOLDER.sub(lambda match: _summarize(KEY_TABLES[match[1]][match[2]]), template)


def _summarize(key: Key) -> str:
    """Return the first sentence of a key's meaning, without marks and full stop, and its range."""
    sentence = re.split(r"\.(?: |$)", key.doc.replace("`", ""))[0]
    check = key.type.check
    if isinstance(check, Range) and check.maximum is not None:
        return f"{sentence}, {check.minimum} to {check.maximum}"
    return sentence


def _describe(value_type: ValueType) -> str:
    """Return what a key accepts, in the words of the reference."""
    base, check, item, *_ = value_type
    if base is tuple and item:
        return _describe_list(item)
    if isinstance(check, Form):
        return _ARTICLE.sub("", check.expected)
    if isinstance(check, Range):
        return check.describe(_TYPE_NOUNS[base])
    if base is dict and item:
        return "tables, one for each name" if item.base is dict else "table"
    if value_type.is_enumeration:
        *names, last = base
        return f"{', '.join(names)} or {last}"
    return _TYPE_NOUNS.get(base, "table")


def _describe_list(item: ValueType) -> str:
    if item.is_enumeration:
        return f"list of {', '.join(item.base)}"
    return f"list, each item {item.describe()}" if item.check else "list of texts"


def _render_default(key: Key) -> str:
    """Return the default as TOML; nothing if the key then has no value, or is a table."""
    if key.is_required:
        return "required"
    if isinstance(key.default, tuple):
        return "`[]`"
    if isinstance(key.default, str | bool | int | float):
        return f"`{json.dumps(key.default)}`"
    return ""


def _escape_cell(text: str) -> str:
    return text.replace("|", "\\|")
