#!/usr/bin/env bash
# Checks the intents of a cluster repository, compares its tree, and reports: annotations, summary, one comment of the
# pull request, files to upload. Runs in GitHub Actions, Gitea Actions and on any machine; docs/ci.md lists the variables.
#
# Text of the repository goes to files, or to the log where commands of the runner are switched off: a line that starts
# with `::` would be one.
set -euo pipefail

# The token is for `comment` alone: no other program of this script sees it.
token=${FLUXWRIGHT_TOKEN:-${GITHUB_TOKEN:-}}
export -n token
unset FLUXWRIGHT_TOKEN GITHUB_TOKEN

: "${FW_COMMAND:=all}" "${FW_FAIL_ON:=error}" "${FW_WORKING_DIRECTORY:=.}" "${FW_COMMENT:=true}"
: "${FW_COMMENT_KEY:=fluxwright}" "${FW_CLUSTERS:=}" "${FW_AGAINST:=}" "${FW_REPORT_URL:=}" "${FW_BINARY:=}"
: "${FW_VERSION:=}" "${FW_BASE_URL:=}" "${FW_ACTION_REPOSITORY:=}" "${GITHUB_EVENT_NAME:=}"

forge=none
if [ "${GITEA_ACTIONS:-}" = true ] || [ "${FORGEJO_ACTIONS:-}" = true ]; then
  forge=gitea
elif [ "${GITHUB_ACTIONS:-}" = true ]; then
  forge=github
fi

# The text of a command of the runner, or of one of its properties.
escaped() { sed -e 's/%/%25/g' -e 's/\r/%0D/g' | awk 'NR > 1 { printf "%%0A" } { printf "%s", $0 }'; }

# warn <text>: a warning that the run shows
warn() {
  if [ "$forge" = none ]; then
    echo "warning: $1" >&2
  else
    echo "::warning title=fluxwright::$(printf '%s' "$1" | escaped)"
  fi
}

fail() {
  if [ "$forge" = none ]; then
    echo "error: $1" >&2
  else
    echo "::error title=fluxwright::$(printf '%s' "$1" | escaped)"
  fi
  exit 2
}

# quietly <command...>: what the command says goes to the log, with commands of the runner switched off
quietly() {
  local code=0 word
  word=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  [ "$forge" = none ] || echo "::stop-commands::$word"
  "$@" 2>&1 || code=$?
  [ "$forge" = none ] || echo "::$word::"
  return "$code"
}

# output <name> <value>
output() {
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
  else
    printf '%s=%s\n' "$1" "$2"
  fi
}

target() {
  case $(uname -s)-$(uname -m) in
  Linux-x86_64) echo x86_64-unknown-linux-musl ;;
  Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-musl ;;
  Darwin-x86_64) echo x86_64-apple-darwin ;;
  Darwin-arm64) echo aarch64-apple-darwin ;;
  MINGW*-x86_64 | MSYS*-x86_64) echo x86_64-pc-windows-msvc ;;
  *) fail "there is no release for $(uname -s) on $(uname -m); give the program as input \`binary\`" ;;
  esac
}

# The work tree around the directory, found by its entry `.git`, which no commit can hold. git itself would also take a
# directory that looks like a bare repository, and run what the configuration in it says.
work_tree() {
  local dir
  dir=$(cd -P -- "$FW_WORKING_DIRECTORY" && pwd -P) || return 1
  until [ -e "$dir/.git" ]; do
    [ -n "$dir" ] && [ "$dir" != / ] || return 1
    dir=${dir%/*}
  done
  echo "$dir"
}

# A shallow clone has one commit only.
fetch() {
  local top
  top=$(work_tree) &&
    git -c safe.bareRepository=explicit -C "$top" fetch --quiet --no-recurse-submodules --depth=1 origin "$FW_AGAINST" \
      >/dev/null 2>&1
}

# What the program said, without the word that `fail` and `warn` put before it.
said() { sed '1s/^error: //' "$scratch/said"; }

sha256_check() {
  if command -v sha256sum >/dev/null; then sha256sum --check --quiet -; else shasum -a 256 --check --quiet -; fi
}

# Downloads the release into a directory and prints the path of the program.
download() {
  local into=$1 version=${FW_VERSION#v} base=${FW_BASE_URL%/} protocol=https name archive url
  if [ -z "$base" ] && [ -n "$FW_ACTION_REPOSITORY" ]; then
    base=${GITHUB_SERVER_URL:-https://github.com}/$FW_ACTION_REPOSITORY/releases/download
  fi
  [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*$ ]] ||
    fail "there is no \`fluxwright\` on PATH; give it as input \`binary\`, or a released \`version\` to download"
  [ -n "$base" ] || fail "where releases lie is not known; give the input \`base-url\`"
  case $base in
  https://*) ;;
  http://127.0.0.1:* | http://localhost:*) protocol=http,https ;;
  *) fail "the input \`base-url\` must be an https address" ;;
  esac
  name=$(target) || {
    echo "$name"
    exit 2
  }
  name=fluxwright-$version-$name
  archive=$name.tar.gz
  case $name in *windows*) archive=$name.zip ;; esac
  for url in "$base/v$version/$archive" "$base/v$version/SHA256SUMS"; do
    curl --proto "=$protocol" --proto-redir "=$protocol" --fail --silent --show-error --location --retry 3 --max-time 300 --output "$into/${url##*/}" "$url" ||
      fail "cannot download $url"
  done
  # The line of this archive, whatever else the release holds.
  (cd "$into" && awk -v name="$archive" '$2 == name || $2 == "*" name' SHA256SUMS >sum && [ -s sum ] && sha256_check <sum) ||
    fail "the checksum of $archive is not the one in SHA256SUMS"
  case $archive in
  *.zip) unzip -q "$into/$archive" -d "$into" ;;
  *) tar -xzf "$into/$archive" -C "$into" ;;
  esac
  echo "$into/$name/fluxwright"
}

case $FW_FAIL_ON in error | diff | never) ;; *) fail "\`fail-on\` is error, diff or never" ;; esac
case $FW_COMMAND in all | check) ;; *) fail "\`command\` is all or check" ;; esac
[[ $FW_AGAINST != -* ]] || fail "\`$FW_AGAINST\` cannot be a revision"
[ -d "$FW_WORKING_DIRECTORY" ] || fail "there is no directory \`$FW_WORKING_DIRECTORY\`"
read -r -d '' -a clusters <<<"${FW_CLUSTERS//[$'\n,']/ }" || true
for cluster in ${clusters[@]+"${clusters[@]}"}; do
  [[ $cluster =~ ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$ ]] || fail "\`$cluster\` cannot be the name of a cluster"
done

# The results stay after the run, for later steps; what is only needed here goes.
scratch='' decided=false
finish() {
  local code=$?
  [ -z "$scratch" ] || rm -rf "$scratch"
  # What stops the script before there is a result is a failure, whatever the code of the command was.
  [ "$code" = 0 ] || [ "$decided" = true ] || exit 2
}
trap finish EXIT
scratch=$(mktemp -d) || fail "cannot make a directory for temporary files"
directory=$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/fluxwright-XXXXXX") || fail "cannot make a directory for the results"
report=$directory/report.md sarif=$directory/check.sarif

program=$FW_BINARY
[ -n "$program" ] || program=$(command -v fluxwright) || program=$(download "$scratch") || {
  echo "$program" # the error that `download` gave
  exit 2
}
fluxwright() { "$program" --repo "$FW_WORKING_DIRECTORY" --color never "$@"; }
"$program" --version || fail "cannot start \`$program\`"

# 1. The findings: exit code 1 is a finding, more is a failure.
errors=0 code=0
fluxwright check -q -o github ${clusters[@]+"${clusters[@]}"} >"$scratch/commands" 2>"$scratch/said" || code=$?
[ "$code" -le 1 ] || fail "$(said)"
errors=$(grep -c '^::error ' "$scratch/commands" || true)
if [ "$forge" = github ]; then
  cat "$scratch/commands"
else
  quietly fluxwright check ${clusters[@]+"${clusters[@]}"} || true
fi
fluxwright check -q -o sarif ${clusters[@]+"${clusters[@]}"} >"$sarif" || true
fluxwright check -q -o markdown ${clusters[@]+"${clusters[@]}"} >"$directory/check.md" || true

# 2. The differences, of the committed tree and of what the report compares with. With an error in an intent there are none.
stale=false changed=false against=() missing=''
if [ "$FW_COMMAND" = all ]; then
  code=0
  fluxwright diff -o name-only ${clusters[@]+"${clusters[@]}"} >"$scratch/stale" 2>"$scratch/said" || code=$?
  [ "$code" -le 1 ] || fail "$(said)"
  if [ -s "$scratch/stale" ]; then
    stale=true
    echo "the committed tree is not what the intents give:"
    quietly cat "$scratch/stale"
  fi
  # compare: the exit code of `diff -o markdown`
  compare() {
    code=0
    fluxwright diff -q -o markdown ${against[@]+"${against[@]}"} ${clusters[@]+"${clusters[@]}"} \
      >"$directory/diff.md" 2>"$scratch/said" || code=$?
  }
  if [ -n "$FW_AGAINST" ]; then
    against=(--against "$FW_AGAINST")
    compare
    unknown() { [ "$code" -gt 1 ] && grep -q 'does not name a revision' "$scratch/said"; }
    if unknown && fetch; then compare; fi
    if unknown; then
      missing="the clone has no revision $FW_AGAINST and cannot fetch it; the report compares with the committed tree"
      warn "$missing"
      against=()
      compare
    fi
  else
    compare
  fi
  [ "$code" -le 1 ] || fail "$(said)"
  if [ "$code" = 1 ] && [ -s "$directory/diff.md" ]; then changed=true; fi
  fluxwright diff -q -o html ${against[@]+"${against[@]}"} ${clusters[@]+"${clusters[@]}"} \
    >"$directory/report.html" 2>"$scratch/said" || [ $? = 1 ] || fail "$(said)"
  # With a fault in a plugin there is no page.
  [ -s "$directory/report.html" ] || rm "$directory/report.html"
fi

# 3. The report.
{
  if [ "$errors" != 0 ]; then
    printf '## fluxwright: %s error%s\n\n' "$errors" "$([ "$errors" = 1 ] || echo s)"
  elif [ "$stale" = true ]; then
    printf '## fluxwright: the committed tree is not what the intents give\n\n'
  else
    printf '## fluxwright: ok\n\n'
  fi
  # shellcheck disable=SC2016 # backquotes are Markdown here
  if [ "$stale" = true ]; then
    if [ "$errors" = 0 ]; then
      printf 'Run `fluxwright render`, and commit the result. It changes these files:\n\n'
    else
      printf 'Correct the errors, then run `fluxwright render`, and commit the result. These files are not what the intents give:\n\n'
    fi
    # Each line starts with a path of the repository, so that none ends the block.
    printf '```text\n%s\n```\n\n' "$(cat "$scratch/stale")"
  fi
  # shellcheck disable=SC2016
  [ -z "$missing" ] || printf '**Not the changes of this pull request:** the clone has no revision `%s` and cannot fetch it, so the differences are those of the committed tree.\n\n' "${FW_AGAINST//\`/}"
  # The headings of clusters without findings say nothing new beside the differences.
  if [ ! -s "$directory/diff.md" ] || grep -q '^|' "$directory/check.md"; then cat "$directory/check.md"; fi
  if [ -s "$directory/diff.md" ]; then cat "$directory/diff.md"; fi
} >"$report"

url=$FW_REPORT_URL
if [ -z "$url" ] && [ -n "${GITHUB_SERVER_URL:-}" ] && [ -n "${GITHUB_REPOSITORY:-}" ]; then
  url=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions
  # Gitea counts runs in two ways, and which one its pages have depends on the version.
  [ "$forge" != github ] || [ -z "${GITHUB_RUN_ID:-}" ] || url=$url/runs/$GITHUB_RUN_ID
fi
link=()
[ -z "$url" ] || link=(--artifact-url "$url")

if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  # A summary holds 1 MiB; a character has at most four bytes.
  fluxwright comment -q "$report" --print --limit 250000 ${link[@]+"${link[@]}"} >"$scratch/summary" 2>"$scratch/said" ||
    fail "$(said)"
  cat "$scratch/summary" >>"$GITHUB_STEP_SUMMARY" || fail "cannot write the summary"
fi
if [ "$FW_COMMENT" = true ] && [[ $GITHUB_EVENT_NAME == pull_request* ]]; then
  code=0
  FLUXWRIGHT_TOKEN=$token fluxwright comment "$report" --key "$FW_COMMENT_KEY" ${link[@]+"${link[@]}"} >"$scratch/said" 2>&1 || code=$?
  if [ "$code" = 0 ]; then
    quietly cat "$scratch/said"
  else
    # A pull request from a fork has a token that may only read. The result of the check does not depend on it.
    warn "no comment: $(said)"
  fi
fi

output changed "$changed"
output stale "$stale"
output errors "$errors"
output report "$report"
output sarif "$sarif"
output directory "$directory"
decided=true

case $FW_FAIL_ON in
error) [ "$errors" = 0 ] ;;
diff) [ "$errors" = 0 ] && [ "$stale" = false ] ;;
never) ;;
esac
