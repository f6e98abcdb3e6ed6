# make app    install what is needed, and the project itself, into .venv (once) and open the application
# make test   the same, then all tests but the long proofs
# make proof  the long ones: bit flips, kill -9, load, mutation
# PYTHON=... chooses the interpreter that makes .venv, WORKERS=... the number of test processes.

candidates := python3.11 python3.12 python3.13 python3 python
PYTHON ?= $(shell for p in $(candidates); do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
WORKERS ?= 2
BIN := .venv/bin

.PHONY: app test proof lint clean
.DEFAULT_GOAL := app

app: .venv/project
	$(BIN)/streamlit run app.py

test: .venv/installed-dev .venv/project
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

proof: .venv/installed-dev .venv/project
	$(BIN)/python -m pytest -q -m proof

lint: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written only after pip has succeeded, so an interrupted installation is taken up again.
.venv/installed: requirements.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found; name one with PYTHON=..." >&2; exit 2; }
	@# A .venv whose making was interrupted may have a python but no pip.
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv || $(PYTHON) -m venv --clear .venv
	@echo "Installing into .venv; the first time this takes some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	touch $@

# So that examples/ and scripts of one's own find the packages, whichever folder they are in.
.venv/project: pyproject.toml .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@
