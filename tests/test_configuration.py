from pathlib import Path

import psycopg
import pytest

from purveyor import configuration
from purveyor.configuration import WrongSetting, load


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load({})
    assert settings.embedded
    assert settings.home == Path(configuration.__file__).parents[2] / ".purveyor"
    assert (settings.host, settings.port, settings.processes) == ("127.0.0.1", 8000, 1)
    assert (settings.demo, settings.currency, settings.log_form) == (True, "USD", "json")
    assert (settings.error_form, settings.duplicates) == ("text", "link_and_service")
    assert settings.service_id_as_string is False
    assert settings.trusted_proxies == 0
    assert settings.simulator_speed == 1.0
    assert settings.secret_key is None
    assert settings.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("PORT", "65535", "port", 65_535),
        ("PORT", " 80 ", "port", 80),
        ("PURVEYOR_DEMO", "0", "demo", False),
        ("PURVEYOR_DEMO", "True", "demo", True),
        ("PURVEYOR_HOME", "/srv/../srv/panel", "home", Path("/srv/panel")),
        ("PURVEYOR_SIMULATOR_SPEED", "0.5", "simulator_speed", 0.5),
        (
            "PURVEYOR_ALLOWED_HOSTS",
            "panel.example.com, .example.org",
            "allowed_hosts",
            ("panel.example.com", ".example.org"),
        ),
        ("PURVEYOR_HOST", "192.0.2.7", "allowed_hosts", ("localhost", "127.0.0.1", "[::1]", "192.0.2.7")),
        (
            "PURVEYOR_HOST",
            "2001:db8::7",
            "allowed_hosts",
            ("localhost", "127.0.0.1", "[::1]", "[2001:db8::7]"),
        ),
        (
            "DATABASE_URL",
            "postgresql://u:p@db.example.com/panel",
            "database_url",
            "postgresql://u:p@db.example.com/panel",
        ),
    ],
)
def test_a_value_is_read(name: str, value: str, field: str, expected: object) -> None:
    assert getattr(load({name: value}), field) == expected


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("PORT", "0", "a whole number from 1 to 65535, not '0'"),
        ("PORT", "65536", "a whole number from 1 to 65535"),
        ("PORT", "８０００", "a whole number"),
        ("PORT", "-1", "a whole number"),
        ("PURVEYOR_PROCESSES", "0", "from 1 to 64"),
        ("PURVEYOR_DEMO", "maybe", "must be 1 or 0, not 'maybe'"),
        ("PURVEYOR_CURRENCY", "usd", "three capital letters such as USD"),
        ("PURVEYOR_ERROR_FORM", "html", "one of text, key, not 'html'"),
        ("PURVEYOR_DUPLICATES", "yes", "one of link_and_service, link, off"),
        ("PURVEYOR_SIMULATOR_SPEED", "nan", "above 0"),
        ("PURVEYOR_SIMULATOR_SPEED", "inf", "above 0"),
        ("PURVEYOR_SIMULATOR_SPEED", "0", "above 0"),
        ("PURVEYOR_SECRET_KEY", "short", "at least 32 characters, it has 5"),
        ("PURVEYOR_HOST", "http://x", "without a port"),
        ("PURVEYOR_ALLOWED_HOSTS", "https://panel.example.com", "without scheme or port"),
        ("DATABASE_URL", "mysql://u@h/d", "postgresql://user:password@host:5432/database"),
        ("DATABASE_URL", "postgresql://u@h", "postgresql://"),
        ("DATABASE_URL", "postgresql://u@h:notaport/d", "postgresql://"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(name: str, value: str, complaint: str) -> None:
    with pytest.raises(WrongSetting, match=name) as refusal:
        load({name: value})
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("setting", configuration.SETTINGS, ids=lambda setting: setting.name)
def test_set_but_empty_is_refused(setting: configuration.Setting) -> None:
    with pytest.raises(WrongSetting, match=f"{setting.name} is set but empty"):
        load({setting.name: " "})


def test_a_complaint_never_shows_the_password_of_the_database() -> None:
    with pytest.raises(WrongSetting) as refusal:
        load({"DATABASE_URL": "mysql://panel:sesame@db.example.com/panel"})
    assert "sesame" not in str(refusal.value)


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_listening_everywhere_needs_the_names_of_the_panel(everywhere: str) -> None:
    with pytest.raises(WrongSetting, match="PURVEYOR_ALLOWED_HOSTS is missing"):
        load({"PURVEYOR_HOST": everywhere})
    named = load({"PURVEYOR_HOST": everywhere, "PURVEYOR_ALLOWED_HOSTS": "panel.example.com"})
    assert named.allowed_hosts == ("panel.example.com",)


@pytest.mark.parametrize("home", ["/srv/panel", "/srv/a folder/pänel", "/srv/" + "x" * 100, "/srv/a,b"])
def test_the_url_of_the_embedded_server_is_one_that_libpq_understands(home: str) -> None:
    url = configuration.embedded_url(Path(home))
    folder = configuration.socket_folder(Path(home))
    assert psycopg.conninfo.conninfo_to_dict(url) == {
        "user": "purveyor",
        "dbname": "purveyor",
        "host": str(folder),
        "port": "5432",
    }
    assert len(bytes(folder)) <= configuration.SOCKET_FOLDER_MAX_BYTES
    assert "," not in str(folder)


def test_long_data_folders_have_sockets_of_their_own() -> None:
    folders = {configuration.socket_folder(Path(f"/srv/{'x' * 100}/{number}")) for number in range(3)}
    assert len(folders) == 3
    assert len({folder.parent for folder in folders}) == 1


def test_the_secret_key_is_made_once_and_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(configuration, "current", lambda: load({"PURVEYOR_HOME": str(tmp_path / "home")}))
    key = configuration.secret_key()
    assert len(key) >= configuration.SECRET_KEY_MIN_CHARACTERS
    assert configuration.secret_key() == key
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret-key"]
    assert (tmp_path / "home" / "secret-key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "home" / "secret-key").write_text("cut", encoding="ascii")
    with pytest.raises(WrongSetting, match="is damaged"):
        configuration.secret_key()
