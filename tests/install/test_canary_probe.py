"""Answers that show whether a server has loaded a list."""

import pytest

from blocklist.config.dns_servers import parse_dns_servers
from blocklist.install import canary_probe


@pytest.mark.parametrize(
    ("answer", "control", "blocks", "why"),
    [
        (
            "NULL_ADDRESS",
            "NO_ADDRESS",
            True,
            "the list's answer; the name does not exist otherwise",
        ),
        ("NULL_ADDRESS", "RESOLVES", True, "a wildcard answers for all other names"),
        ("NULL_ADDRESS", "NO_ANSWER", True, "without an upstream, as in a closed network"),
        ("NULL_ADDRESS", "NULL_ADDRESS", False, "all names get this answer"),
        ("NO_ADDRESS", "RESOLVES", True, "the name would resolve without the list"),
        ("NO_ADDRESS", "NO_ADDRESS", False, "any invented name gets this answer"),
        ("NO_ADDRESS", "NO_ANSWER", False, "the control shows nothing"),
        ("RESOLVES", "NO_ADDRESS", False, "not blocked"),
        ("NO_ANSWER", "RESOLVES", False, "the server is busy"),
    ],
)
def test_answers_that_show_a_loaded_list(answer: str, control: str, blocks: bool, why: str) -> None:
    assert (
        canary_probe._is_list_answer(
            canary_probe.ProbeAnswer[answer], canary_probe.ProbeAnswer[control]
        )
        is blocks
    ), why


def test_a_server_that_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.1)
    assert (
        canary_probe.probe_server(parse_dns_servers(["127.0.0.1#9"])[0], "x.example")
        is canary_probe.ProbeAnswer.NO_ANSWER
    )
