# `make demo` and `make test` set up everything they need in .venv; the second run of either finds it there.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TOOLKITS := $(VENV)/.toolkits
FAIRSEQ := .venv-fairseq/.installed

export WANDB_SILENT ?= true

.PHONY: demo test check clean

demo: $(STAMP)
	WANDB_MODE=offline WANDB_DIR=$(CURDIR)/demo SPEECH_TRACKER_DIR=$(CURDIR)/demo/store \
		$(BIN)/python recipes/lightning_digits/train.py --output demo/digits $(DEMO_ARGUMENTS)

test: $(TOOLKITS) $(FAIRSEQ) .venv/.sctk
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(TEST_ARGUMENTS)

# lint and types, with the same pinned tools as everywhere
check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# torch first and by pip: uv does not look into pip's local folders, and finds it installed afterwards
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt "setuptools" wheel
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt --no-build-isolation -e ".[dev]"
	touch $@

# SpeechBrain and ESPnet, for the tests of their adapters; see tests/toolkits.txt
$(TOOLKITS): $(STAMP) tests/toolkits.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -r tests/toolkits.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt --no-deps espnet
	find $(VENV)/lib -path '*torchaudio*' -name '*.so' -delete
	touch $@

# Fairseq cannot share an environment with the others
$(FAIRSEQ): $(STAMP) tests/integrations/fairseq_tiny/environment.sh
	PYTHON=$(PYTHON) bash tests/integrations/fairseq_tiny/environment.sh .venv-fairseq constraints.txt
	touch $@

# NIST's scorer, the reference of the scoring tests; without it (and without the right to install it) they are skipped
.venv/.sctk: $(STAMP)
	@if command -v sctk >/dev/null || test -x /usr/lib/sctk/bin/sclite; then :; \
	elif command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends sctk >/dev/null; \
	else echo "sctk is not installed: the comparisons with sclite and sc_stats will be skipped (apt-get install sctk)"; fi
	@touch $@

clean:
	rm -rf $(VENV) .venv-fairseq demo build dist *.egg-info
