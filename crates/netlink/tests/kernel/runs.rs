//! Who runs these tests how often.

use std::process::Command;

use ringfence_testkit::sandbox;

tests! {
    "runs" => [root_runs_everything_also_without_its_privileges_and_others_run_it_once],
}

/// Everybody is root in the namespaces of a test, and is not to be taken for root of the machine.
fn root_runs_everything_also_without_its_privileges_and_others_run_it_once() {
    let runs = |once: Option<&str>| {
        let mut again = Command::new(std::env::current_exe().expect("this program"));
        again
            .args(["--exact", "namespace::work_runs_elsewhere"])
            .env_remove("SANDBOX_ROOTLESS")
            .env_remove(sandbox::ONCE)
            .envs(once.map(|value| (sandbox::ONCE, value)));
        let output = again.output().expect("this program starts");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        text.matches("running 1 tests").count()
    };
    let expected = if sandbox::owns_machine() { 2 } else { 1 };
    assert_eq!((runs(None), runs(Some("1"))), (expected, 1));
}
