"""Run the examples of docs/reference/api.md: page -> page with the output that they print."""

import re
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

NAME = "api.md"
#: An example with its output, which is missing where nothing is printed.
_EXAMPLE = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL
)


def run_examples(text: str, folder: Path) -> str:
    """Return the page with the real output of its examples, which share their names."""
    names: dict[str, object] = {}

    def run(example: re.Match[str]) -> str:
        with redirect_stdout(StringIO()) as printed:
            exec(compile(example["code"], NAME, "exec"), names)
        output = printed.getvalue()
        shown = f"\n```text\n{output}```\n" if output else ""
        return f"```python\n{example['code']}```\n{shown}"

    with chdir(folder):
        return _EXAMPLE.sub(run, text)
