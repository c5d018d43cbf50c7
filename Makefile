# make demo   three real calls on this machine, shown turn by turn; then, in a terminal, an agent's desk
# make demo-desk  an agent's desk to log in to, with callers who phone while you are free
# make test   format, lints, unit, integration and end-to-end tests
# make build  the program, into $(CARGO_TARGET_DIR)/debug/hotline
# make console  the agents' page anew, into console/dist (what is committed there is used otherwise)
#
# Each installs the Debian packages that are missing (with sudo only when not root). Variables:
#   CARGO_TARGET_DIR       where cargo builds; outside of the checkout, so that a fresh checkout builds quickly
#   HOTLINE_PACKAGES=skip  install nothing, use what is there
#   HOTLINE_TEST_TRAINING=1  also run the test that trains a small model (minutes; needs a Python with jax)
#   HOTLINE_PAGE=skip      test: leave out the page's own tests, which need npm
#   HOTLINE_TEST_BROWSER=1  test: also the console and its phone in Chromium and Firefox (installs them), as make browser-test does
#   HOTLINE_HEAVY=1        the long tests in full
#   CORE=check             only compile the pure core and its tests without features, do not run them

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export PATH := $(HOME)/.cargo/bin:$(PATH)
CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hotline/target
export CARGO_TARGET_DIR
CORE ?= test

# What compiling and running needs: C++ for whisper.cpp, the recogniser with its model, two synthesisers.
BUILD_PACKAGES := build-essential cmake pkg-config libpocketsphinx-dev pocketsphinx-en-us flite1-dev flite espeak-ng
# Peers and voices that we did not write, for the tests and `bench asr`.
TEST_PACKAGES := baresip-core faketime kamailio linphone-cli openssl postgresql sip-tester sox festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts

# What the page is built and tested with.
NODE_VERSION := 20.19.5
NODE_DIR := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hotline/node
NODE := PATH="$(NODE_DIR)/node_modules/.bin:$$PATH" node
NPM := PATH="$(NODE_DIR)/node_modules/.bin:$$PATH" npm
BROWSER_LIBRARIES := playwright-core@1.65.1 puppeteer-core@24.43.1 axe-core@4.14.0
has_node = $(1) -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null

.PHONY: help build console demo demo-desk test page-test browser-test node rust rust-tools packages test-packages

help:
	@sed -n 's/^# make/make/p' Makefile

build: rust packages
	@echo "hotline: building (the first time takes minutes) ..."
	@cargo build --locked
	@echo "hotline: built $(CARGO_TARGET_DIR)/debug/hotline"

console: node
	@cd console && $(NPM) ci --no-audit --no-fund && $(NPM) run build

demo: build
	@exec "$(CARGO_TARGET_DIR)/debug/hotline" demo

demo-desk: build
	@exec "$(CARGO_TARGET_DIR)/debug/hotline" demo --desk

test: rust rust-tools packages test-packages
	@echo "hotline: 1/6 format"
	@cargo fmt --all --check
	@echo "hotline: 2/6 lints"
	@cargo clippy --locked --workspace --all-targets -- -D warnings
	@echo "hotline: 3/6 the program and its tests"
	@cargo test --locked --workspace --no-run
	@echo "hotline: 4/6 tests"
	@cargo test --locked --workspace
	@echo "hotline: 5/6 the pure core, without features"
	@cargo $(CORE) --locked --lib --no-default-features $(if $(filter check,$(CORE)),--tests)
	@[ "$(CORE)" != check ] || echo "hotline: skipped: running the tests of the core without features (CORE=check)"
	@echo "hotline: 6/6 the page"
	@$(MAKE) --no-print-directory page-test
	@echo "hotline: all well"

# The page: types, tests, dist is what the sources give, at most 1 MiB gzip. Without the registry of npm there is nothing to do it with; that
# dist belongs to the sources is then told by it::page alone.
page-test:
	@[ "$(HOTLINE_PAGE)" != skip ] || { echo "hotline: the page's own tests are skipped (HOTLINE_PAGE=skip)"; exit 0; }; \
	$(MAKE) --no-print-directory node && $(NPM) ping >/dev/null 2>&1 || { \
	  echo "hotline: SKIPPED: the page's own tests, because npm or its registry is not to be had here"; exit 0; }; \
	cd console && $(NPM) ci --no-audit --no-fund --silent && $(NPM) run --silent check
	@[ "$(HOTLINE_TEST_BROWSER)" = 1 ] || { \
	  echo "hotline: skipped: the console in Chromium and Firefox (HOTLINE_TEST_BROWSER=1 make test runs it)"; exit 0; }; \
	$(MAKE) --no-print-directory browser-test

# The console in real browsers with real calls. SHOTS=folder keeps a picture of every screen (Chinese ones want fonts-noto-cjk).
browser-test: build node
	@$(call install,chromium)
	@mkdir -p "$(NODE_DIR)" && cd "$(NODE_DIR)" && $(NPM) install --no-audit --no-fund --silent $(BROWSER_LIBRARIES)
	@cd "$(NODE_DIR)" && for program in softphone talks desks pages seldom; do \
	  echo "hotline: the console in Chromium: $$program"; \
	  HOTLINE="$(CARGO_TARGET_DIR)/debug/hotline" CALLS=3 $(NODE) "$(CURDIR)/console/e2e/$$program.mjs"; \
	done
	@cd "$(NODE_DIR)" && echo "hotline: the console in Chromium: softphone, in Opus" && \
	  OPUS=1 HOTLINE="$(CARGO_TARGET_DIR)/debug/hotline" CALLS=1 $(NODE) "$(CURDIR)/console/e2e/softphone.mjs"
	@( $(call install,firefox-esr pulseaudio) ) && command -v firefox-esr >/dev/null || { \
	  echo "hotline: SKIPPED: the console's phone in Firefox, because firefox-esr is not to be had here"; exit 0; }; \
	cd "$(NODE_DIR)" && for program in softphone talks; do \
	  echo "hotline: the console in Firefox: $$program"; \
	  HOTLINE="$(CARGO_TARGET_DIR)/debug/hotline" CALLS=3 BROWSER=firefox $(NODE) "$(CURDIR)/console/e2e/$$program.mjs"; \
	done

# Node as the page wants it: the one that is there when it is new enough, else npm of Debian and the pinned Node by it.
node:
	@$(call has_node,node) && command -v npm >/dev/null || { \
	  command -v npm >/dev/null || { $(call install,npm); }; \
	  $(call has_node,"$(NODE_DIR)/node_modules/.bin/node") || { \
	    echo "hotline: fetching Node $(NODE_VERSION)"; \
	    mkdir -p "$(NODE_DIR)" && cd "$(NODE_DIR)" && npm install --no-audit --no-fund --silent node@$(NODE_VERSION); }; }

rust:
	@command -v cargo >/dev/null || { \
	  echo "hotline: there is no Rust here; install it with the one command on https://rustup.rs, then run make again." >&2; \
	  exit 2; }

rust-tools: rust
	@for tool in fmt clippy; do \
	  cargo $$tool --version >/dev/null 2>&1 && continue; \
	  command -v rustup >/dev/null || { \
	    echo "hotline: cargo $$tool is missing; install rustfmt and clippy, then run make again." >&2; exit 2; }; \
	  echo "hotline: adding cargo $$tool"; \
	  rustup component add $$([ $$tool = fmt ] && echo rustfmt || echo clippy); \
	done

packages:
	@$(call install,$(BUILD_PACKAGES))

test-packages:
	@$(call install,$(TEST_PACKAGES))

# Installs those of the given Debian packages that are missing; the package lists are renewed only when they do not do. Kamailio
# and PostgreSQL would begin to serve by being installed: the tests start them themselves, so that is undone.
define install
[ "$(HOTLINE_PACKAGES)" != skip ] || exit 0; \
command -v dpkg-query >/dev/null || { \
  echo "hotline: this is no Debian; install what these packages hold ($(1)) and run make with HOTLINE_PACKAGES=skip." >&2; \
  exit 2; }; \
missing=""; \
for package in $(1); do \
  [ "$$(dpkg-query -W -f='$${db:Status-Status}' $$package 2>/dev/null || true)" = installed ] || missing="$$missing $$package"; \
done; \
[ -n "$$missing" ] || exit 0; \
as_root=""; \
if [ "$$(id -u)" != 0 ]; then \
  command -v sudo >/dev/null || { \
    echo "hotline: packages are missing and there is no sudo; as root run: apt-get install$$missing" >&2; exit 2; }; \
  as_root=sudo; \
fi; \
echo "hotline: installing$$missing"; \
apt_install() { $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends$$missing; }; \
apt_install >/dev/null 2>&1 || { \
  echo "hotline: renewing the package lists"; \
  $$as_root apt-get update -q >/dev/null; \
  apt_install >/dev/null || { \
    echo "hotline: apt-get could not install$$missing; see its message above." >&2; exit 2; }; \
}; \
for server in kamailio postgresql; do \
  case "$$missing " in *" $$server "*) \
    if [ -d /run/systemd/system ]; then $$as_root systemctl disable --now $$server >/dev/null 2>&1 || true; \
    else $$as_root invoke-rc.d $$server stop >/dev/null 2>&1 || true; fi ;; esac; \
done
endef
