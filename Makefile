# Every target sets up what it needs from nothing but Python, make and the package registries.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test check bench prove soak clean
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
	$(BIN)/mypy examples/larder_client.py
	$(BIN)/lint-imports --no-cache

# Compiled once, whatever the environment says, and not by each of the hundred processes that tests start.
test: check
	@sh .ci/redis-server
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -n 4 --dist worksteal

# Processes and a real Redis, killed and parted under load; a history of it all is checked. Then each fault
# over real sockets with each provider. About eight minutes.
prove: setup
	@sh .ci/redis-server
	@$(BIN)/python -m tests.prove
	@$(BIN)/python -m tests.faults

# Ten minutes of load, faults, reloads and orders; then nothing may be left of it: memory, sockets, secrets in the log.
# The variant with two workers: .venv/bin/python -m tests.soak --workers 2
soak: setup
	@$(BIN)/python -m tests.soak

bench: setup
	@$(BIN)/python -m bench

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
