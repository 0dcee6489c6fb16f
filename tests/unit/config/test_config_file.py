"""Reading the file: variables, lines, and what is not YAML."""

import pytest

from proxy.config.file import ConfigError, ConfigFile, read_config


def test_a_variable_is_taken_from_the_environment():
    file = ConfigFile("config.yaml", "store:\n  secret: ${NAME}", {"NAME": "value"})

    assert file.data == {"store": {"secret": "value"}}


@pytest.mark.parametrize("environment", [{}, {"NAME": ""}])
def test_a_default_stands_in_for_a_variable_that_is_not_set_or_empty(environment):
    file = ConfigFile("config.yaml", "a: ${NAME:-http://127.0.0.1:9000/x}\nb: ${NAME:-}", environment)

    assert file.data == {"a": "http://127.0.0.1:9000/x", "b": ""}


def test_several_variables_may_stand_in_one_value():
    file = ConfigFile("config.yaml", 'url: "http://${HOST}:${PORT:-80}/"', {"HOST": "origin"})

    assert file.data == {"url": "http://origin:80/"}


def test_a_variables_value_is_never_read_as_yaml():
    file = ConfigFile("config.yaml", "a: ${NAME}", {"NAME": "x\nserver: {port: 1}"})

    assert file.data == {"a": "x\nserver: {port: 1}"}


def test_every_unset_variable_is_named_with_its_line():
    text = "store:\n  secret: ${FIRST}\nadmin:\n  token: ${SECOND}\n"

    first, second = ConfigFile("config.yaml", text, {}).problems

    assert str(first).startswith("config.yaml:2: store.secret: ${FIRST} is not set")
    assert str(second).startswith("config.yaml:4: admin.token: ${SECOND} is not set")


def test_every_field_knows_its_line_also_in_a_flow_mapping_over_several_lines():
    file = ConfigFile("config.yaml", "a:\n  - {b: 1,\n     c: 2}\n  - 3\n", {})

    assert [file.line_of(place) for place in (("a",), ("a", 0, "b"), ("a", 0, "c"), ("a", 1))] == [1, 2, 3, 4]


def test_a_missing_field_has_the_line_of_the_block_it_is_missing_from():
    file = ConfigFile("config.yaml", "# a comment\nserver:\n  port: 1\n", {})

    assert file.line_of(("server", "host", "x")) == 2


def test_a_field_that_stands_twice_is_refused_at_the_second():
    (problem,) = ConfigFile("config.yaml", "server: {port: 1}\nadmin: {}\nserver: {port: 2}\n", {}).problems

    assert str(problem) == "config.yaml:3: server: stands here twice"


@pytest.mark.parametrize("text", ["a: [1, 2", "a: b: c", "\t- x", "a: 'b", "a: \x01"])
def test_what_is_not_yaml_is_one_line_that_says_so(text):
    with pytest.raises(ConfigError) as refused:
        ConfigFile("config.yaml", text, {})

    message = str(refused.value)
    assert message.startswith("config.yaml:1: not YAML: ")
    assert "\n" not in message


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.system [x]", "a: !!python/name:os.system x"])
def test_no_tag_makes_yaml_run_anything(text):
    file = ConfigFile("config.yaml", text, {})

    assert file.problems or file.data == {"a": ["x"]}  # read as the plain list it is


def test_an_empty_file_says_nothing():
    assert ConfigFile("config.yaml", "# only a comment\n", {}).data == {}


@pytest.mark.parametrize("text", ["- a\n- b", "just words"])
def test_a_file_that_is_no_mapping_is_refused(text):
    with pytest.raises(ConfigError, match=r"config.yaml:1: has to be a mapping"):
        ConfigFile("config.yaml", text, {})


def test_a_file_that_cannot_be_read_is_one_line_that_says_why(tmp_path):
    not_text = tmp_path / "binary.yaml"
    not_text.write_bytes(b"\xff\xfe\xff")

    for path, why in ((tmp_path / "missing.yaml", "No such file"), (tmp_path, "directory"), (not_text, "UTF-8")):
        with pytest.raises(ConfigError, match=why) as refused:
            read_config(path, {})
        assert "\n" not in str(refused.value)
