#!/usr/bin/env bash
# Installs what a build (`build`) or the tests (`test`) need beside Rust and Node 20: Debian packages
# and, for the tests, Python clients in a virtual environment of their own and JavaScript ones beside
# their scripts. Does nothing when all is there; says what to install when it may not install it itself.
set -euo pipefail

build_packages=(gcc make pkg-config)
test_packages=(chromium curl libfaketime libpostgresql-jdbc-java openjdk-17-jdk-headless openssl postgresql-client prometheus prometheus-node-exporter python3-venv rsyslog rsyslog-elasticsearch victoria-metrics)
# Daemons among them, which the tests start themselves and which never run as services.
services=(prometheus prometheus-node-exporter rsyslog victoria-metrics)

needed=("${build_packages[@]}")
[ "${1:-}" = test ] && needed+=("${test_packages[@]}")

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

command -v cargo >/dev/null || fail "Rust is missing: install it with rustup (https://rustup.rs), version $(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)"
command -v node >/dev/null || fail "Node is missing: install Node 20.19 or newer"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "Node $(node --version) is too old for the dashboard's build: 20.19 or 22.12 is needed"

missing=()
for package in "${needed[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo --non-interactive true 2>/dev/null || fail "these packages are missing and need root to install: apt-get install ${missing[*]}"
        as_root=(sudo --non-interactive)
    fi
    command -v apt-get >/dev/null || fail "these packages are missing: ${missing[*]}"
    echo "setup: installing ${missing[*]}"
    "${as_root[@]}" apt-get update --quiet=2
    # Debian starts daemons as they are installed, unless this script says no.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install --mode=755 /dev/stdin "$policy"
        trap '"${as_root[@]}" rm --force "$policy"' EXIT
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends "${missing[@]}" >/dev/null
    if [ -d /run/systemd/system ]; then
        for service in "${services[@]}"; do
            # Those that were there before stay as they are.
            [[ " ${missing[*]} " != *" $service "* ]] || "${as_root[@]}" systemctl disable --quiet --now "$service"
        done
    fi
fi

if [ "${1:-}" = test ]; then
    venv="${EVENKEEL_TEST_VENV:-$HOME/.cache/evenkeel/venv}"
    if ! cmp --silent tests/requirements.txt "$venv/requirements.txt"; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/requirements.txt
        cp tests/requirements.txt "$venv/requirements.txt"
    fi
    node_peers=tests/peers/js
    if ! cmp --silent "$node_peers/package-lock.json" "$node_peers/node_modules/installed.json"; then
        npm --prefix "$node_peers" ci --silent --no-audit --no-fund
        cp "$node_peers/package-lock.json" "$node_peers/node_modules/installed.json"
    fi
fi
