//! Replays the inputs that fuzzing found worth keeping. `cargo fuzz run TARGET` in `fuzz/` finds more.

use std::fs;
use std::path::PathBuf;

use ringfence_testkit::fuzz::TARGETS;

#[test]
fn every_kept_input_is_survived() {
    for (name, target) in TARGETS {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus"));
        let mut inputs: Vec<PathBuf> = fs::read_dir(folder.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        assert!(inputs.len() >= 20, "{name} has {} inputs", inputs.len());
        for input in inputs {
            eprintln!("{}", input.display());
            target(&fs::read(&input).unwrap());
        }
    }
}
