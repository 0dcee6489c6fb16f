"""The configs that come with Larder work, and the schema that editors read says what the code says."""

import json
from pathlib import Path

import pytest
import yaml

from proxy.config.file import ConfigError
from proxy.config.loading import load_plans
from proxy.settings import Settings, settings_schema

ROOT = Path(__file__).parents[3]
REAL = ROOT / "deploy" / "config.real.yaml"
REAL_ENVIRONMENT = {
    "LARDER_SECRET": "a" * 64,
    "LARDER_ENCRYPTION_KEYS": "one:" + "A" * 43 + "=",
    "LARDER_ADMIN_TOKEN": "b" * 64,
    "ENROLLMENT_KEY_HASH": "sha256:" + "c" * 64,
    "DIRECTORY_KEY_HASH": "sha256:" + "d" * 64,
    "SMARTY_AUTH_ID": "id",
    "SMARTY_AUTH_TOKEN": "token",
    "GOOGLE_API_KEY": "AIzaKey",
    "CANVAS_JWKS_URL": "https://keys.example/jwks",
    "CANVAS_ROOT_ACCOUNT_UUID": "uuid",
    "CAMPUS_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}
WRITE_SCHEMA = (
    'python -c "import json; from proxy.settings import settings_schema; '
    'print(json.dumps(settings_schema(), indent=2, ensure_ascii=False))" > docs/config.schema.json'
)


def test_config_yaml_works_with_no_variable_set():
    plans = load_plans(ROOT / "config.yaml", {})

    assert {"courseworks", "smartystreets", "google"} <= set(plans.upstreams)
    assert all(upstream.base_url.startswith("http://127.0.0.1:9000/") for upstream in plans.upstreams.values())
    assert plans.settings.callers == ()


def test_the_real_config_works_once_its_variables_are_set():
    plans = load_plans(REAL, REAL_ENVIRONMENT)

    assert [upstream.base_url for upstream in plans.upstreams.values()] == [
        "https://courseworks2.columbia.edu",
        "https://{api}.api.smarty.com",
        "https://{api}.googleapis.com",
    ]


def test_the_real_config_names_every_variable_that_is_not_set():
    with pytest.raises(ConfigError) as refused:
        load_plans(REAL, {})

    message = str(refused.value)
    assert [name for name in REAL_ENVIRONMENT if f"${{{name}}} is not set" not in message] == []
    assert len(refused.value.problems) == len(REAL_ENVIRONMENT)


def test_the_real_config_lets_nobody_in_without_a_key_and_caches_nothing_of_google():
    plans = load_plans(REAL, REAL_ENVIRONMENT)

    assert all(caller.key for caller in plans.settings.callers)
    assert all(plan.cache is None for plan in plans.upstreams["google"].endpoints)


def test_every_section_of_the_settings_stands_in_the_real_config():
    assert set(yaml.safe_load(REAL.read_text(encoding="utf-8"))) == set(Settings.model_fields)


def test_the_saved_schema_is_current():
    saved = json.loads((ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8"))

    assert saved == json.loads(json.dumps(settings_schema())), f"write it anew: {WRITE_SCHEMA}"
