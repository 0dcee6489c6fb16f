"""Secrets that Larder makes for itself: once, for its owner only, and told apart from broken ones."""

import stat

import pytest

from proxy.config.secrets import SecretError, admin_token, admin_token_path, store_secret
from proxy.settings import Settings


def settings(folder, **blocks):
    """Settings with a database in a folder."""
    store = {"durable": f"sqlite:///{folder}/larder.db", **blocks.pop("store", {})}
    return Settings.model_validate({"store": store, **blocks})


@pytest.mark.parametrize(("made", "name"), [(store_secret, "larder.db.secret"), (admin_token, "larder-admin.token")])
def test_a_secret_is_made_beside_the_database_for_its_owner_only(tmp_path, made, name):
    made(settings(tmp_path))

    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("made", [store_secret, admin_token])
def test_a_secret_survives_a_restart(tmp_path, made):
    assert made(settings(tmp_path)) == made(settings(tmp_path))


def test_two_installations_have_different_secrets(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"

    assert store_secret(settings(first)) != store_secret(settings(second))
    assert len(store_secret(settings(first))) == 64


def test_a_secret_of_the_config_is_taken_as_it_is_and_nothing_is_written(tmp_path):
    given = settings(tmp_path, store={"secret": "the operator's"}, admin={"token": "a token"})

    assert (store_secret(given), admin_token(given)) == (b"the operator's", "a token")
    assert list(tmp_path.iterdir()) == []


def test_without_a_database_the_token_lies_where_larder_was_started(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    memory_only = Settings.model_validate({"store": {"durable": "none"}})

    token = admin_token(memory_only)

    assert admin_token_path(memory_only).read_text().strip() == token
    assert store_secret(memory_only) != store_secret(memory_only)  # nothing outlives the process
    assert [path.name for path in tmp_path.iterdir()] == ["larder-admin.token"]


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xfe" * 40])
def test_a_broken_secret_is_not_replaced_but_told_in_one_line(tmp_path, content):
    (tmp_path / "larder.db.secret").write_bytes(content)

    with pytest.raises(SecretError) as refused:
        store_secret(settings(tmp_path))

    assert "\n" not in str(refused.value)
    assert "larder.db.secret" in str(refused.value)
    assert (tmp_path / "larder.db.secret").read_bytes() == content


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(SecretError, match="cannot be read or written"):
        store_secret(settings(tmp_path / "file"))


def test_no_secret_stands_in_the_repr_of_settings(tmp_path):
    given = Settings.model_validate(
        {
            "store": {"secret": "canary-1"},
            "admin": {"token": "canary-2"},
            "upstreams": {"courseworks": {"credential": {"token": "canary-3"}}},
            "webhooks": {"w": {"kind": "standard-webhooks", "upstream": "courseworks", "secret": "canary-4"}},
        }
    )

    assert "canary" not in repr(given)
