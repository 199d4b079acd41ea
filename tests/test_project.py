"""What must be true of the project itself: manuals that do not lag, locks to be trusted, short files."""

import re
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from django.core.management import call_command
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from purveyor import configuration
from purveyor.ops import cli

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
FILE_MAX_LINES = 400
# Path from the checkout: why it is one thing all the same.
LONG_FILES: dict[str, str] = {}


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def locked_versions(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^ ;\\]+)", read(lock), re.MULTILINE))


def declared_dependencies() -> list[tuple[str, str]]:
    """Each lock with each requirement of pyproject.toml that it must hold."""
    project = tomllib.loads(read("pyproject.toml"))
    groups = project["dependency-groups"]
    for_running = [*project["project"]["dependencies"], *groups["build"]]
    return [
        *(("requirements.lock", requirement) for requirement in for_running),
        *(("requirements-dev.lock", requirement) for requirement in [*for_running, *groups["dev"]]),
    ]


def commands(command: click.Command, path: str = "purveyor") -> Iterator[str]:
    """The words to type for every command that does something itself."""
    if not isinstance(command, click.Group):
        yield path
        return
    for name, child in command.commands.items():
        if not child.hidden:
            yield from commands(child, f"{path} {name}")


@pytest.mark.parametrize("setting", configuration.SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_in_the_manual_in_the_same_words(setting: configuration.Setting) -> None:
    default = setting.default_meaning or f"`{setting.default}`"
    assert f"\n| `{setting.name}` | {default} | {setting.meaning} |\n" in read("docs/settings.md")


def test_the_architecture_page_has_every_room() -> None:
    folders = {file.parent.name for file in (ROOT / "src/purveyor").rglob("__init__.py")}
    rooms = folders - {"purveyor", "migrations", "templatetags"}
    page = read("docs/architecture.md")
    assert {room for room in rooms if f"`{room}/`" not in page} == set()


def test_the_manual_has_no_setting_that_does_not_exist() -> None:
    in_manual = re.findall(r"^\| `(\w+)` \|", read("docs/settings.md"), re.MULTILINE)
    assert in_manual == [setting.name for setting in configuration.SETTINGS]


@pytest.mark.parametrize("command", sorted(commands(cli.commands)))
def test_every_command_is_in_the_manual(command: str) -> None:
    assert f"`{command}" in read("docs/operating.md")


def test_the_manual_has_no_command_that_does_not_exist() -> None:
    existing = set(commands(cli.commands))
    groups = {command.rpartition(" ")[0] for command in existing}
    for words in re.findall(r"`(purveyor(?: [a-z]+(?:-[a-z]+)*)+)", read("docs/operating.md")):
        assert words in existing | groups, words


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_hashes_and_no_address(lock: str) -> None:
    text = read(lock)
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE), "an option such as --index-url or --find-links"
    requirements = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [part for part in requirements if "--hash=sha256:" not in part] == []


@pytest.mark.parametrize(("lock", "requirement"), declared_dependencies())
def test_a_lock_holds_what_pyproject_asks_for(lock: str, requirement: str) -> None:
    wanted = Requirement(requirement)
    assert wanted.specifier.contains(locked_versions(lock)[canonicalize_name(wanted.name)])


def test_tests_run_on_the_versions_that_run_the_panel() -> None:
    assert locked_versions("requirements.lock").items() <= locked_versions("requirements-dev.lock").items()


def test_every_dependency_says_what_needs_it() -> None:
    before_tools = read("pyproject.toml").partition("[tool.")[0]
    with_reason = re.findall(r'^    "([^"]+)", +# \w', before_tools, re.MULTILINE)
    assert sorted(with_reason) == sorted({requirement for _, requirement in declared_dependencies()})


def test_no_file_is_too_long_without_a_reason() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for folder in ("src", "tests", "bench")
        for path in (ROOT / folder).rglob("*.py")
        if path.parent.name != "migrations"  # written by Django, read by nobody
    }
    too_long = {path for path, lines in lengths.items() if lines > FILE_MAX_LINES}
    assert too_long == set(LONG_FILES)


def test_links_between_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        (document.name, target)
        for document in documents
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_the_readme_shows_both_commands() -> None:
    for command in ("make up", "make test"):
        assert f"$ {command} " in read("README.md")


@pytest.mark.django_db
def test_every_change_of_a_table_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_tests_reach_loopback_only() -> None:
    with (
        socket.socket() as outside,
        pytest.raises(AssertionError, match=r"loopback only, not 192\.0\.2\.1"),
    ):
        outside.connect(("192.0.2.1", 80))
