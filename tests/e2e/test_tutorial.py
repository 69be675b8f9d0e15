"""Follow docs/tutorial/first-hour.md: its commands, its configuration, its output."""

import os
import re
import sys
from pathlib import Path
from subprocess import run

import pytest

from tests.e2e.servers import answers, asker, free_port, running
from tests.support.process import SYSTEM_PATH

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "first-hour.md"
BLOCK = re.compile(r"^```(sh server|sh|toml|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

DIG = f"""#!{sys.executable}
import sys
import dns.message, dns.query
query = dns.message.make_query(sys.argv[-1], "A")
reply = dns.query.udp(query, "127.0.0.1", port=int(sys.argv[3]), timeout=5)
for rrset in reply.answer:
    for data in rrset:
        print(data.to_text())
"""


def shell(command: str, folder: Path, bin_folder: Path) -> str:
    """Run a block as a reader does, and return its standard output with neutral paths and times."""
    path = os.pathsep.join([str(bin_folder), str(Path(sys.executable).parent), SYSTEM_PATH])
    done = run(
        ["sh", "-euc", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return TIME.sub("2026-05-03T06:00:00Z", done.stdout.replace(str(folder.parent), "…"))


@pytest.mark.e2e("dnsmasq")
def test_every_step_of_the_tutorial(tmp_path: Path) -> None:
    blocks = BLOCK.findall(TUTORIAL.read_text(encoding="utf-8"))
    port = free_port()
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "dig").write_text(DIG)
    (bin_folder / "dig").chmod(0o755)
    folder = tmp_path / "my-blocklist"
    (_, first), *blocks = blocks
    shell(first, tmp_path, bin_folder)
    configuration = folder / "blocklist.toml"
    (_, toml), *blocks = blocks
    configuration.write_text(toml)
    split = [kind for kind, _ in blocks].index("sh server")
    follow(blocks[:split], folder, bin_folder, port)
    # Root's dnsmasq would become a user who cannot read the folders of tests.
    server = blocks[split][1].replace("5335", str(port)).replace("dnsmasq ", "dnsmasq -u root ", 1)
    command = ["sh", "-c", f"cd '{folder}' && exec {server}"]
    ask = asker(port, 0.2)
    with running(command, tmp_path / "log", lambda: answers(ask, "blocklist-canary.zz")):
        follow(blocks[split + 1 :], folder, bin_folder, port)


def follow(blocks: list[tuple[str, str]], folder: Path, bin_folder: Path, port: int) -> None:
    """Carry out each block, and compare the output of commands with the text after them."""
    output = ""
    for kind, body in blocks:
        text = body.replace("5335", str(port))
        if kind == "sh":
            output = shell(text, folder, bin_folder)
        elif kind == "text":
            assert output == text
        else:
            configuration = folder / "blocklist.toml"
            before, _, _ = configuration.read_text().partition("[exports.office]")
            configuration.write_text(before + text)
