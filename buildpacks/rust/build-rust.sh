#!/bin/sh
# Compile what is there, and lay its programs in bin/: the folder of compiled things is a cache.
set -eu
export CARGO_TARGET_DIR=/root/target
mkdir -p "$CARGO_TARGET_DIR/release"
find "$CARGO_TARGET_DIR/release" -maxdepth 1 -type f -delete
flags=
if [ -f Cargo.lock ]; then flags=--locked; fi
if [ -d vendor ] && [ -f .cargo/config.toml ]; then flags="$flags --offline"; fi
cargo build --release --workspace --bins $flags
mkdir -p bin
find "$CARGO_TARGET_DIR/release" -maxdepth 1 -type f -executable -exec cp {} bin/ \;
# Where processes of the Procfile look for them that were written for another platform.
if [ ! -e target/release ]; then mkdir -p target && ln -s ../bin target/release; fi
echo "programs: $(ls bin | tr '\n' ' ')"
