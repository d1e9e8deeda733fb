#!/usr/bin/env bash
# Puts together what a package of fluxwright holds: the archives of a release as they are, and cargo-deb's input.
#
#   .ci/assets.sh <fluxwright> <dir>      <fluxwright>: a program that runs here, of the version that is packaged
#
# Results: <dir>/{LICENSE,README.md,CHANGELOG.md}, <dir>/completions/, <dir>/man/. The program itself is added by the
# caller, who may package for another system than this one.
set -euo pipefail
exec </dev/null

fluxwright=$(realpath "$1")
dir=$2
cd "$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)"

rm -rf "$dir"
mkdir -p "$dir/completions"
cp LICENSE README.md CHANGELOG.md "$dir"
"$fluxwright" man --quiet "$dir/man"
"$fluxwright" completions bash >"$dir/completions/fluxwright.bash"
"$fluxwright" completions zsh >"$dir/completions/_fluxwright"
"$fluxwright" completions fish >"$dir/completions/fluxwright.fish"
"$fluxwright" completions elvish >"$dir/completions/fluxwright.elv"
"$fluxwright" completions powershell >"$dir/completions/_fluxwright.ps1"
