# Every target sets up what it needs from nothing but Python, make and the package registries.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test check bench clean
setup: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	@sh .ci/venv "$(PYTHON)"
	@touch $@

demo: setup
	@$(BIN)/larder demo

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check
	$(BIN)/pytest -n 2

bench: setup
	@$(BIN)/python -m bench

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
