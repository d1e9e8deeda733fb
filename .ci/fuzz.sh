#!/usr/bin/env bash
# Fuzzes each target for some seconds. What is found beyond the corpus stays in target/fuzz; a crash is in fuzz/artifacts.
#
#   .ci/fuzz.sh [seconds] [target...]
#
# Without a sanitizer, which would need a nightly compiler: the program has no unsafe code of its own, and panics,
# overflows, hangs and memory without bound are what is looked for.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=${FLUXWRIGHT_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/fluxwright-ci}
seconds=${1:-60}
shift || true
targets=(intent resource_list plugin inventory strategic_merge)
[ $# -gt 0 ] && targets=("$@")
.ci/tools.sh cargo-fuzz >/dev/null
target_dir=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
work=$target_dir/found
passed=0
for target in "${targets[@]}"; do
  mkdir -p "$work/$target"
  seeds=("fuzz/corpus/$target")
  [ "$target" = intent ] && seeds+=(tests/invalid examples/cluster-repo/clusters/*/)
  # Five seconds for one input is a hang; the limits of the program end each of them far earlier.
  status=0
  "$tools/bin/cargo-fuzz" run --sanitizer none --fuzz-dir fuzz --target-dir "$target_dir" "$target" \
    "$work/$target" "${seeds[@]}" -- -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -max_len=65536 \
    -print_final_stats=1 >"$work/$target.log" 2>&1 || status=$?
  if [ "$status" != 0 ]; then
    tail -n 60 "$work/$target.log"
    echo "$target: exit code $status; the input is in fuzz/artifacts/$target"
    exit 1
  fi
  echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log") inputs in $seconds s"
  passed=$((passed + 1))
done
echo "$passed passed, 0 failed"
