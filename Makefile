# Every target sets up what it needs first: on a fresh machine no other command comes before it.
.DEFAULT_GOAL := help
VENV   := .venv
PYTHON := $(VENV)/bin/python
STAMP  := $(VENV)/.fleet-lock
# The guardrails have an environment of their own (docs/decisions/0081).
PACK   := policies/guardrails
PACK_STAMP := $(PACK)/.venv/.fleet-lock

# 11,000 files take 50 processor seconds. Python makes what it imports, and keeps it, unless it is told not to; every
# process, of which `make up` starts dozens, would then compile the same anew.
BYTECODE := $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode)

STACK   ?= dev
PLUGINS ?= auto
# Not from the environment: some shells call the machine so.
NAME    := local
DELAYS  :=
ONLY    :=
FROM    :=
INTERRUPTIONS ?= 2
# Network namespaces and containers take root, by sudo (docs/decisions/0236).
ROOT    := $(if $(filter 0,$(shell id -u)),,$(abspath $(PYTHON)) -m sandbox.privileges)
SANDBOX := $(abspath $(PYTHON)) -m sandbox
# A file's tests stay together, with what they share, and files come in their order, in which light ones are the last
# (docs/decisions/0290). `auto` would be half of the processors where two are one core's.
AT_ONCE := --numprocesses logical --dist loadfile --no-loadscope-reorder
# What the tests marked `engine` drive. Named first, so that their builds are seen and not hidden in a test.
TEST_TOOLS := pulumi pulumi-resource-kubernetes helm istio-validate etcd etcdctl etcdutl age age-keygen crane kube-apiserver kube-controller-manager kubectl

.PHONY: help setup test lint types layers unit mutants engine picture check-pins tools preview review up page verify shell status sandbox down e2e endurance upgrade-check account-check lock

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 16

setup: $(STAMP) $(PACK_STAMP) ## Make the virtual environments with everything locked, the program's and the guardrails'

$(STAMP): requirements-dev.txt
	@test -x $(PYTHON) || python3 -m venv $(VENV)
	@$(PYTHON) -c 'import uv' 2>/dev/null || $(PYTHON) -m pip install --quiet "$$(grep -oE '^uv==[^ ]+' requirements-dev.txt)"
	@echo 'setup: installing the locked Python packages into $(VENV)'
	@$(PYTHON) -m uv pip sync --quiet $(BYTECODE) --require-hashes --python $(PYTHON) requirements-dev.txt
	@touch $@

$(PACK_STAMP): $(PACK)/requirements-dev.txt $(STAMP)
	@test -x $(PACK)/.venv/bin/python || $(PYTHON) -m uv venv --quiet --python $(PYTHON) $(PACK)/.venv
	@$(PYTHON) -m uv pip sync --quiet $(BYTECODE) --require-hashes --python $(PACK)/.venv/bin/python $(PACK)/requirements-dev.txt
	@touch $@

lock: ## Compile the lock files again from pyproject.toml
	@$(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --custom-compile-command 'make lock' -o requirements.txt pyproject.toml
	@$(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --custom-compile-command 'make lock' --all-extras -c requirements.txt -o requirements-dev.txt pyproject.toml
	@$(PYTHON) -m uv pip compile --quiet --generate-hashes --custom-compile-command 'make lock' --group pyproject.toml:go -o sandbox/toolchain/go.txt
	@$(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --custom-compile-command 'make lock' -o $(PACK)/requirements.txt $(PACK)/pyproject.toml
	@$(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --custom-compile-command 'make lock' --all-extras -c $(PACK)/requirements.txt -o $(PACK)/requirements-dev.txt $(PACK)/pyproject.toml

test: lint types layers unit engine ## Everything that needs no privileges

lint: setup ## ruff: rules and format
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

types: setup ## mypy --strict
	@$(PYTHON) -m mypy

layers: setup ## import-linter: who may import whom
	@$(VENV)/bin/lint-imports

unit: setup ## The program's tests alone, with its coverage
	@$(PYTHON) -m pytest $(AT_ONCE) tests/policies tests/unit --cov
	@$(PACK)/.venv/bin/python -m pytest $(PACK)/tests

mutants: setup ## Which one-line changes of a module no test notices: ONLY=fleet.mesh.peering, or ONLY='fleet.mesh.*'; of all without
	@$(VENV)/bin/mutmut run $(if $(ONLY),'$(ONLY).*')
	@found="$$($(VENV)/bin/mutmut results)" && { printf '%s\n' "$$found" | grep -F '$(subst *,,$(ONLY))' || echo 'mutants: every one is noticed'; }

engine: setup ## The sandbox's tests: toolchain, emulated API, and plugins under the real engine
	@$(PYTHON) -m sandbox tools --build $(TEST_TOOLS)
	@$(PYTHON) -m pytest $(AT_ONCE) -m 'not privileged' --ignore tests/unit --ignore tests/policies

picture: setup ## Draw the README's picture and the table of rights again from the resource graph
	@$(PYTHON) -m docs.picture
	@$(PYTHON) -m docs.rights

check-pins: setup ## Ask the registries whether every pinned image and chart is still published; where none answers, say so
	@$(PYTHON) -m operations pins check

tools: setup ## Build every tool that is missing (TOOLS="helm etcd" for some), and list what is used, from where
	@$(PYTHON) -m sandbox tools --build $(TOOLS)
	@$(PYTHON) -m sandbox tools $(TOOLS)

up: setup ## Run the fleet on this machine, check it, and show it: real clusters behind an emulated Linode API
	@$(SANDBOX) fleet prepare --name $(NAME)
	@$(ROOT) $(SANDBOX) fleet up --name $(NAME) --plugins $(PLUGINS)$(if $(DELAYS), --delays $(DELAYS))

page: setup ## Show the page about the running fleet again
	@$(ROOT) $(SANDBOX) fleet page --name $(NAME)

verify: setup ## Check the article's claims on the running fleet again, one line each
	@$(ROOT) $(SANDBOX) verify --name $(NAME)

shell: setup ## Open a shell inside the sandbox: every cluster is a context of kubectl, Karmada the default
	@$(ROOT) $(SANDBOX) shell --name $(NAME) || true

status: setup ## Show what runs in the sandbox, and what is unhealthy and why
	@$(ROOT) $(SANDBOX) status --name $(NAME)

sandbox: setup ## Any other command of the sandbox: ARGS="forward 8080:203.0.113.10:80", ARGS="exec -- kubectl get nodes"
	@$(ROOT) $(SANDBOX) $(ARGS)

down: setup ## Take the fleet and its sandbox away again
	@$(ROOT) $(SANDBOX) fleet down --name $(NAME)

e2e: setup ## The tests that need root: clusters, faults, and the fleet on them
	@$(PYTHON) -m sandbox tools --build
	@$(ROOT) $(abspath $(PYTHON)) -m pytest -p no:cacheprovider -m 'privileged and not endurance' -v --durations=20 tests/e2e tests/faults

endurance: setup ## What takes minutes each, as root: a lost manager, outages, renewed certificates, interrupted updates (INTERRUPTIONS=10); ONLY=NAME is one
	@$(PYTHON) -m sandbox tools --build
	@$(ROOT) $(abspath $(PYTHON)) -m pytest -p no:cacheprovider -m endurance -v -rP --durations=20 --interruptions $(INTERRUPTIONS) --only '$(ONLY)' --from '$(FROM)' tests/e2e tests/faults

upgrade-check: ONLY := test_upgrade.py
upgrade-check: endurance ## One of these: a fleet of the commit FROM=COMMIT, updated by this checkout, with nothing replaced and no call failed

account-check: setup ## Try Fleet on the Linode account of LINODE_TOKEN, which costs some cents, and take all of it away: ARGS="--max-cost 1"
	@$(PYTHON) -m operations account check $(ARGS)

preview: setup ## Preview the fleet with the real engine and no account: STACK=dev|prod PLUGINS=auto|official|offline
	@$(PYTHON) -m sandbox pulumi --stack $(STACK) --plugins $(PLUGINS) -- preview

review: setup ## Say what a change would do: STACK=dev|prod, and MARKDOWN=FILE for a pull request, SHARING=N of which share a comment
	@$(PYTHON) -m sandbox review --stack $(STACK) --plugins $(PLUGINS) $(if $(MARKDOWN),--markdown $(MARKDOWN)) $(if $(SHARING),--sharing $(SHARING))
