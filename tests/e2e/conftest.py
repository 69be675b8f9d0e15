"""The servers that every test in here can ask for."""

from collections.abc import Iterator

import pytest

from tests.e2e.servers import open_resolver


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a server that knows every name, and give its port."""
    with open_resolver(tmp_path_factory.mktemp("nsd")) as port:
        yield port
