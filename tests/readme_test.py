"""The README's command lines are those that run."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_ci_runs_the_readmes_test_command_word_for_word():
    (command,) = re.findall(r"^python3 -m venv .*pytest.*$", README, re.M)
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_first_command_runs_the_demo():
    first = re.search(r"^```\n(.*)\n```$", README, re.M).group(1)
    assert first.endswith("-m training demo")


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
