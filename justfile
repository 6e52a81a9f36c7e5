# What CI runs, and what a developer runs by hand. `just` lists it.

_default:
    @just --list --unsorted

# Is everything formatted?
fmt:
    cargo fmt --all --check

# Clippy over everything, warnings denied
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# The API documentation, warnings denied
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked

# Every test, end to end included
test:
    cargo test --workspace --locked

# Does `tieline check` accept every example?
configs:
    cargo build --locked -p tieline
    for file in configs/*.json; do case "$file" in *.schema.json) ;; *) echo "$file"; (set -a; . configs/example.env; ./target/debug/tieline check -c "$file") || exit 1 ;; esac; done

# Are the generated files as the code would make them?
fresh:
    cargo build --locked -p tieline
    ./target/debug/tieline schema | diff - configs/tieline.schema.json

# Everything that CI does, in its order
ci: fmt lint doc test published-client configs fresh

# Write the generated files anew
schema:
    cargo run --quiet -p tieline -- schema > configs/tieline.schema.json

# Relay between simulated servers; no account needed
demo:
    cargo run --release -- demo

# The fake of Rocket.Chat's realtime API against a client that others wrote (needs Python; the client is a download)
published-client:
    python3 -m pip install --quiet --root-user-action=ignore --upgrade --target target/published-client rocketchat-async==4.3.0
    PYTHONPATH="$PWD/target/published-client" TIELINE_PYTHON=python3 cargo test -p tieline-testkit --test it --locked published_client -- --ignored

# The pure parts and the outbox: routing, templates, group commit, ten million links (2.2 GB on disk meanwhile)
bench:
    cargo bench -p tieline-core
    cargo bench -p tieline-outbox

# Look for bytes that break a law of all texts: `just fuzz discord_markup 600` (needs cargo-fuzz and a nightly compiler)
fuzz target seconds="60":
    mkdir -p crates/fuzz/targets/found/{{target}}
    cd crates/fuzz && cargo +nightly fuzz run --fuzz-dir targets {{target}} targets/found/{{target}} corpus/{{target}} -- -max_total_time={{seconds}}

# The whole binary: webhook in, webhook out, on loopback
bench-relay:
    cargo build --release -p tieline -p tieline-bench
    ./target/release/tieline-bench

# The memory of the binary: idle, twenty large files at once, stalled connections
bench-memory:
    cargo build --release -p tieline
    TIELINE_BINARY="$PWD/target/release/tieline" cargo test -p tieline-e2e --test e2e memory -- --ignored --nocapture --test-threads 1

# Licences, sources and duplicate versions of what we build on (needs cargo-deny; its advisory database is a download)
deny:
    cargo deny check bans licenses sources
