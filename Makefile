# Guahao: `make help` lists what can be done.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench mutation torture openapi clean
PY := .venv/bin/python

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## Create .venv from requirements.lock (the other targets do it when needed)
	@scripts/setup.sh

demo: setup ## Start the whole product with demo hospitals on http://127.0.0.1:8000
	@.venv/bin/guahao demo

test: setup ## Run every test on a PostgreSQL of its own
	@scripts/test.sh

check: setup ## Style, types, import contracts, sizes, problem codes, migrations, API contract
	@scripts/check.sh

bench: setup ## Measure bookings and reads against the raw database
	@$(PY) -m bench

mutation: setup ## Judge the tests of signatures, money and refund policy by mutants
	@scripts/mutation.sh

torture: setup ## Kill servers and databases under load, then look for lost or double places
	@$(PY) -m torture

openapi: setup ## Write openapi.json from the routes
	@$(PY) -m tools.openapi --write

clean: ## Remove what the other targets made; ./var (data, keys) stays
	@rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
