"""Find extensions: a kind and a name -> a module of this package or of another distribution.

An extension is a module. Built-in extensions are the modules of one folder; plugins are the modules
that entry points of other distributions name. Both are listed, loaded and checked here, and the
names are known without importing any of them.
"""

import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from blocklist.errors import BlocklistError, ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class PluginError(BlocklistError):
    """A plugin cannot be loaded or used; the message names its distribution."""


@dataclass(frozen=True, slots=True)
class ExtensionKind:
    """One kind of extension, such as the list formats."""

    #: What one extension is called in messages.
    noun: str
    #: The package with the built-in modules: `rpz_ip` is the extension `rpz-ip`.
    package: str
    #: The group of the entry points that name the modules of other distributions.
    group: str
    #: What each module must define.
    attributes: tuple[str, ...]

    def builtin_names(self) -> list[str]:
        """Return the names of the built-in extensions, sorted."""
        return list(_find_module_names(self.package))

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted({*self.builtin_names(), *(plugin.name for plugin in self._entry_points())})

    def find_faults(self, load: Callable[[str], object]) -> list[str]:
        """Return what is wrong with plugins, also with those that nothing uses, in sentences.

        `load` loads an extension by its name.
        """
        faults = []
        for plugin in self._entry_points():
            if plugin.name in self.builtin_names():
                faults.append(f"{self._describe(plugin)}: this name is built in; it is not used")
                continue
            try:
                load(plugin.name)
            except BlocklistError as error:
                faults.append(str(error))
        return list(dict.fromkeys(faults))

    def has(self, name: str) -> bool:
        """Return whether there is an extension of this name, without loading it."""
        # Few names are plugins, and reading the entry points of all distributions takes time.
        return name in self.builtin_names() or bool(self._entry_points(name))

    def origin(self, name: str) -> str:
        """Return the distribution of a plugin and its version; empty for all other names."""
        if name in self.builtin_names():
            return ""
        return ", ".join(map(_origin, self._entry_points(name)))

    def load(self, name: str) -> object:
        """Return the module of an extension.

        Raise `ConfigError` for unknown names, and `PluginError` for a module that cannot be loaded
        or does not define what its kind must.
        """
        module = self._import_builtin(name) or self._import_plugin(name)
        for attribute in self.attributes:
            if not hasattr(module, attribute):
                raise self.fault(name, f"it does not define {attribute}")
        return module

    def _import_builtin(self, name: str) -> object | None:
        if name not in self.builtin_names():
            return None
        return import_module(f"{self.package}.{name.replace('-', '_')}")

    def _import_plugin(self, name: str) -> object:
        plugin = self._find_plugin(name)
        try:
            module: object = plugin.load()
        except (Exception, SystemExit) as error:
            raise self.fault(name, _explain(error)) from error
        return module

    @contextmanager
    def name_in_errors(self, name: str) -> Iterator[None]:
        """Turn what goes wrong inside a plugin into a `PluginError` with its distribution."""
        try:
            yield
        except BlocklistError:
            raise
        except (Exception, SystemExit) as error:
            if name in self.builtin_names():
                raise
            raise self.fault(name, _explain(error)) from error

    def fault(self, name: str, cause: str) -> PluginError:
        """Return the error to raise for an extension that does not work."""
        if name in self.builtin_names():
            return PluginError(f"the built-in {self.noun} {name!r}: {cause}")
        return PluginError(f"{self._describe(self._find_plugin(name))}: {cause}")

    def _find_plugin(self, name: str) -> "EntryPoint":
        plugins = self._entry_points(name)
        if not plugins:
            known = ", ".join(self.names())
            raise ConfigError(f"unknown {self.noun} {name!r}; known are {known}")
        if len(plugins) > 1:
            origins = ", ".join(map(_origin, plugins))
            raise PluginError(
                f"the {self.noun} {name!r} is in several distributions: {origins}; uninstall all "
                "but one of them"
            )
        return plugins[0]

    def _entry_points(self, name: str | None = None) -> "list[EntryPoint]":
        plugins = _read_entry_points(self.group, tuple(sys.path))
        return [plugin for plugin in plugins if name in (None, plugin.name)]

    def _describe(self, plugin: "EntryPoint") -> str:
        return f"the {self.noun} {plugin.name!r} of the distribution {_origin(plugin)}"


@cache
def _find_module_names(package: str) -> tuple[str, ...]:
    """Return the names of the modules of a package, sorted, with `-` for `_`."""
    modules = pkgutil.iter_modules(import_module(package).__path__)
    return tuple(sorted(module.name.replace("_", "-") for module in modules))


@cache
def _read_entry_points(group: str, _path: tuple[str, ...]) -> "tuple[EntryPoint, ...]":
    """Return the entry points of a group in all distributions on a path, sorted by name."""
    from importlib.metadata import entry_points

    try:
        plugins = set(entry_points(group=group))
    except Exception as error:  # of any distribution, whose entry_points.txt cannot be read
        raise PluginError(
            f"the entry points of the installed distributions cannot be read: {_explain(error)}"
        ) from error
    return tuple(sorted(plugins, key=lambda plugin: plugin.name))


#: List formats.
FORMAT_EXTENSIONS = ExtensionKind(
    "format", "blocklist.parse.formats", "blocklist.formats", ("FORMAT",)
)
#: Dialects of export files, and their readers; the module of a plugin is both.
DIALECT_EXTENSIONS = ExtensionKind(
    "dialect", "blocklist.export.dialects", "blocklist.dialects", ("render_head", "render_body")
)
READER_EXTENSIONS = ExtensionKind(
    "reader", "blocklist.export.readers", "blocklist.dialects", ("read_file",)
)


def _origin(plugin: "EntryPoint") -> str:
    """Return the name and the version of the distribution that has an entry point."""
    return f"{plugin.dist.name} {plugin.dist.version}" if plugin.dist else "without a name"


def _explain(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
