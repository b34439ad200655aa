# Guahao: `make help` lists what can be done.
.DEFAULT_GOAL := help
.PHONY: help setup production demo clients miniprogram miniprogram-schema test test-days check bench mutation torture openapi clean
PY := .venv/bin/python

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

production: ## Create .venv for production: what requirements-production.lock names, no test tools
	@scripts/setup.sh production

setup: ## Create .venv from requirements.lock (the other targets do it when needed)
	@scripts/setup.sh

demo: setup ## Start the whole product with demo hospitals on http://127.0.0.1:8000
	@scripts/clients.sh || echo 'demo: the clients could not be built, see above; everything else starts' >&2
	@.venv/bin/guahao demo

clients: ## Build the console, and the mini program for browsers, into dist/clients
	@scripts/clients.sh

miniprogram: ## Build the mini program for WeChat into dist/weapp
	@scripts/miniprogram.sh

miniprogram-schema: miniprogram ## Check dist/weapp with WeChat's own tool (installs 276 MB into var)
	@scripts/miniprogram-schema.sh

test: setup ## Run every test on a PostgreSQL of its own
	@scripts/test.sh

test-days: setup ## Run every test with the clock at month ends, leap day, New Year's Eve and midnight
	@scripts/test-days.sh

check: setup ## Style, types, import contracts, sizes, problem codes, migrations, API contract, front ends
	@scripts/check.sh

bench: setup ## Measure bookings, reads and pages against the raw database and a bare page
	@scripts/clients.sh
	@$(PY) -m bench

mutation: setup ## Judge the tests of signatures, money and refund policy by mutants
	@scripts/mutation.sh

torture: setup ## Kill servers and databases under load, then look for lost or double places
	@$(PY) -m torture

openapi: setup ## Write openapi.json from the routes
	@$(PY) -m tools.openapi --write

clean: ## Remove what the other targets made; ./var (data, keys) stays
	@rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@rm -rf node_modules preview/node_modules miniprogram/node_modules console/node_modules
