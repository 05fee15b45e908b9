# Needs only python3 (>= 3.11, with venv), make and the network. `make demo` and `make test` build .venv themselves.
PYTHON ?= python3
BIN := .venv/bin
# Many tests wait for processes and sockets: four workers more than there are processors keep these busy.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 4)
# Where the environment forbids compiled modules to be kept, every worker would compile all tests for itself.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint bench bench-http agreement conduct families posts publishing engines reader-tools readers day screenshots simulate verify clean
.venv/.app: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/.dev: .venv/.app
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# What the tests need from npm: the real Hexo, and readers of front matter. No lock file: it would hold a registry's host; the
# versions are exact.
.venv/engines/%/.done: tests/engines/%/package.json
	mkdir -p $(@D)
	cp $< $(@D)
	cd $(@D) && npm install --no-audit --no-fund --no-package-lock --ignore-scripts --loglevel=error
	touch $@

# Feed readers written in Python, each in an environment of its own: what they need does not go together.
.venv/readers/%/.done: tests/engines/readers/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

demo: .venv/.app  ## a bundled upstream, synced and served on loopback
	$(BIN)/aggregator demo

test: .venv/.dev  ## what the README promises
	$(BIN)/python -m pytest -n auto -q $(PYTEST_ARGS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

agreement: .venv/.dev  ## the fast path against feedparser: every corpus, every fixture, and their mutants
	$(BIN)/python -m pytest -n auto -q --whole --timeout=3600 --agreement-table=docs/agreement.md tests/test_agreement*.py $(PYTEST_ARGS)

bench: .venv/.app .venv/readers/reader/.done  ## beside newsboat and reader on one farm -> docs/performance.md (needs nginx and newsboat)
	$(BIN)/python -m benchmarks.bench $(or $(BENCH_ARGS),--report docs/performance.md)

bench-http: .venv/.app  ## our server beside a bare one and nginx -> a section of docs/performance.md (needs wrk and nginx)
	$(BIN)/python -m benchmarks.bench_http $(BENCH_ARGS)

simulate: .venv/.app  ## the planner over 100,000 made-up sources, beside other policies -> docs/scheduling.md; a quarter of an hour of CPU time
	$(BIN)/python -m benchmarks.simulate $(or $(SIMULATE_ARGS),--report docs/scheduling.md)

conduct: .venv/.dev  ## every rule of polite fetching -> its test -> how that ended
	$(BIN)/python -m pytest -n auto -q -m rule --whole --rule-table=docs/conduct.md $(PYTEST_ARGS)

families: .venv/.dev  ## every family of broken feeds -> its tests -> how that ended
	$(BIN)/python -m pytest -n auto -q -m family --family-table=docs/broken-feeds.md $(PYTEST_ARGS)

engines: $(patsubst %,.venv/engines/%/.done,hexo yaml pages)  ## what the tests need besides Python (needs node 20.19 and npm)

reader-tools: $(patsubst %,.venv/readers/%/.done,reader feed2exec rss2email) .venv/engines/readers/.done  ## the feed readers of PyPI and npm

readers: .venv/.dev reader-tools  ## what every feed reader makes of our feeds, field by field
	REQUIRE_EVERYTHING=1 $(BIN)/python -m pytest -n auto -q --reader-table=docs/readers.md tests/test_readers.py $(PYTEST_ARGS)

posts: .venv/.dev engines  ## what keeps posts whole and readable -> its tests -> how that ended
	$(BIN)/python -m pytest -n auto -q -m post_row --post-table=docs/posts-for-life.md $(PYTEST_ARGS)

publishing: .venv/.dev engines  ## what holds of everything that is published -> its tests -> how that ended
	$(BIN)/python -m pytest -n auto -q -m publishes --publishing-table=docs/publishing.md $(PYTEST_ARGS)

day: .venv/.dev  ## one simulated day of 200 sources on 20 hosts, judged by what their servers saw
	$(BIN)/python -m pytest -n 1 -q --whole --day-table=docs/conduct-day.md tests/test_day.py $(PYTEST_ARGS)

screenshots: .venv/.dev  ## the pictures of README and docs (needs chromium, and fonts-noto-cjk)
	$(BIN)/python -m tests.screenshots docs/pictures

verify: .venv/.dev  ## every sweep whole
	$(BIN)/python -m pytest -n auto -q --whole --processes --timeout=3600 --sweep-table=docs/verification.md $(PYTEST_ARGS)

clean:
	rm -rf .venv
