//! What the kernel holds of compiled tables: as ringfence reads it back, and as nft lists it.
//!
//! Reading back needs nothing installed. The comparison with nft needs nft, in Debian's package `nftables`; where
//! `CI` is set its absence fails the test, elsewhere a line says that this part was left out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code"
)]

use std::io::ErrorKind;
use std::process::{Command, ExitCode};

use ringfence_compile::Enforcement;
use ringfence_conformance::bench::Bench;
use ringfence_conformance::fit::fit;
use ringfence_conformance::plan::NodeId;
use ringfence_ruleset::TABLE_NAME;
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::sandbox;

/// Where nft may be that is not in every user's search path.
const FOLDERS: [&str; 3] = ["nft", "/usr/sbin/nft", "/sbin/nft"];

fn main() -> ExitCode {
    sandbox::main(&[
        ("reads_back_what_was_compiled", reads_back_what_was_compiled),
        (
            "nft_lists_what_ringfence_prints",
            nft_lists_what_ringfence_prints,
        ),
    ])
}

/// The live table is the compiled one, whatever the tables before it were.
fn reads_back_what_was_compiled() {
    let mut bench = Bench::new();
    let mut elements = 0;
    for seed in 0..200 {
        let compiled = bench.load(
            &fit(&cluster(seed, Shape::WIRED_EVERYTHING)),
            Enforcement::On,
        );
        for (node, compiled) in &compiled {
            assert_eq!(bench.kernel.read(*node), compiled.table, "seed {seed}");
            elements += compiled.origins.len();
        }
    }
    println!("400 tables with {elements} elements of policies read back");
    assert!(elements > 3000, "{elements}");
}

/// A table that is written whole is listed byte for byte. One that changed in place has its chains and sets in the
/// order in which they came, which is the only difference.
fn nft_lists_what_ringfence_prints() {
    let Some(nft) = find_nft() else {
        return;
    };
    let mut bench = Bench::new();
    let mut bytes = 0;
    for seed in 0..60 {
        let cluster = fit(&cluster(seed, Shape::WIRED_EVERYTHING));
        for (node, compiled) in bench.load(&cluster, Enforcement::On) {
            let listed = list(&bench, node, nft);
            assert_same(&sorted(&listed), &sorted(&compiled.table.to_string()), seed);
        }
        bench.kernel.clear();
        for (node, compiled) in bench.load(&cluster, Enforcement::On) {
            let printed = compiled.table.to_string();
            assert_same(&list(&bench, node, nft), &printed, seed);
            bytes += printed.len();
        }
    }
    println!("120 tables, {bytes} bytes, as {} lists them", version(nft));
}

/// The chains and sets of a listing in order of their names.
fn sorted(listed: &str) -> String {
    let (head, objects) = listed.split_once("\"\n").unwrap();
    let objects = objects.strip_suffix("}\n").unwrap();
    let mut objects: Vec<&str> = objects.split("\n\n").collect();
    objects
        .iter_mut()
        .for_each(|object| *object = object.trim_end());
    objects.sort_unstable();
    [head, &objects.join("\n\n")].join("\n")
}

fn assert_same(listed: &str, printed: &str, seed: u64) {
    let mut lines = listed.lines().zip(printed.lines());
    if let Some((listed, printed)) = lines.find(|(listed, printed)| listed != printed) {
        panic!("seed {seed}:\nnft lists  {listed}\nwe print   {printed}");
    }
    assert_eq!(listed, printed, "seed {seed}");
}

fn find_nft() -> Option<&'static str> {
    let found = FOLDERS.into_iter().find(|nft| {
        let tried = Command::new(nft).arg("--version").output();
        !tried.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    });
    if found.is_none() {
        let missing = "there is no nft: install Debian's package `nftables` to compare with it";
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        println!("{missing}");
    }
    found
}

fn version(nft: &str) -> String {
    let output = Command::new(nft).arg("--version").output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

fn list(bench: &Bench, node: NodeId, nft: &str) -> String {
    let run = || {
        Command::new(nft)
            .args(["list", "table", "inet", TABLE_NAME])
            .output()
    };
    let output = bench.run_on(node, run).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    without_counts(&String::from_utf8(output.stdout).unwrap())
}

/// Newer versions of nft say behind a set's size how many elements it has.
fn without_counts(listed: &str) -> String {
    let line = |line: &str| match line.split_once("# count ") {
        Some((before, _)) if line.trim_start().starts_with("size ") => {
            format!("{}\n", before.trim_end())
        }
        _ => format!("{line}\n"),
    };
    listed.lines().map(line).collect()
}
