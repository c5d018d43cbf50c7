# make demo   three real calls on this machine, shown turn by turn
# make demo-desk  an agent's desk to log in to, with callers who phone while you are free
# make test   format, lints, unit, integration and end-to-end tests
# make build  the program, into $(CARGO_TARGET_DIR)/debug/hotline
# make console  the agents' page anew, into console/dist (needs npm; what is committed there is used otherwise)
#
# Each installs the Debian packages that are missing (with sudo only when not root). Variables:
#   CARGO_TARGET_DIR       where cargo builds; outside of the checkout, so that a fresh checkout builds quickly
#   HOTLINE_PACKAGES=skip  install nothing, use what is there
#   HOTLINE_TEST_TRAINING=1  also run the test that trains a small model (minutes; needs a Python with jax)
#   CORE=check             only compile the pure core without features, do not run its tests

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
TEST_PACKAGES := baresip-core kamailio linphone-cli openssl postgresql sip-tester sox festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts

.PHONY: help build console demo demo-desk test rust rust-tools packages test-packages

help:
	@sed -n 's/^# make/make/p' Makefile

build: rust packages
	@echo "hotline: building (the first time takes about six minutes on two cores) ..."
	@cargo build --locked
	@echo "hotline: built $(CARGO_TARGET_DIR)/debug/hotline"

console:
	@command -v npm >/dev/null || { \
	  echo "hotline: there is no npm here; install Node 20.19 or newer (https://nodejs.org), then run make console again. The page" \
	    "that is committed in console/dist works without." >&2; \
	  exit 2; }
	@cd console && npm ci --no-audit --no-fund && npm run build

demo: build
	@exec "$(CARGO_TARGET_DIR)/debug/hotline" demo

demo-desk: build
	@exec "$(CARGO_TARGET_DIR)/debug/hotline" demo --desk

test: rust rust-tools packages test-packages
	@echo "hotline: 1/5 format"
	@cargo fmt --all --check
	@echo "hotline: 2/5 lints"
	@cargo clippy --locked --workspace --all-targets -- -D warnings
	@echo "hotline: 3/5 the program"
	@cargo build --locked
	@echo "hotline: 4/5 tests"
	@cargo test --locked --workspace
	@echo "hotline: 5/5 the pure core, without features"
	@cargo $(CORE) --locked --lib --no-default-features
	@echo "hotline: all well"

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
    [ ! -d /run/systemd/system ] || $$as_root systemctl disable --now $$server >/dev/null 2>&1 || true ;; esac; \
done
endef
