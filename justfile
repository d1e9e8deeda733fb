# `just` lists the recipes.
default:
    @just --list

# the whole gate; needs the data that CONTRIBUTING.md names
ci:
    .ci/run

# what a fresh clone can run by itself
test:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    cargo test --locked

# CPU time against kustomize and kubectl, which it installs, and against cp and git; takes some minutes, most of them kustomize's
bench rounds="21":
    cargo build --release --locked
    python3 .ci/bench_fleet.py target/release/fluxwright
    python3 .ci/bench.py target/release/fluxwright {{rounds}}

# run the tests, then review each changed snapshot as a diff
snapshots:
    cargo insta test --review

# rewrite the committed rendering of the examples
render-example:
    cargo run --release --locked -- --repo examples/cluster-repo render
    cargo run --release --locked -- --repo examples/fleet render

# rewrite the JSON Schemas that editors use
schema:
    cargo run --locked -- schema > target/cluster-intent.schema.json
    cargo run --locked -- schema --draft 7 > target/cluster-intent.draft-07.schema.json
    cargo run --locked -- schema --draft 7 --partial > target/cluster-intent.partial.draft-07.schema.json
    mv target/cluster-intent.schema.json target/cluster-intent.draft-07.schema.json schemas/
    mv target/cluster-intent.partial.draft-07.schema.json schemas/

# fuzz each target for this many seconds; what it finds beyond the corpus stays in target/
fuzz seconds="60":
    .ci/fuzz.sh {{seconds}}
