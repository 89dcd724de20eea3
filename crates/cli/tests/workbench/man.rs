//! `ringfence man`: what is installed beside the program.

use crate::support::ringfence;

#[test]
fn every_command_has_a_page_with_its_examples() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    ringfence(&["man", "--directory", path]).expect(0);
    let page = |name: &str| {
        let path = directory.path().join(format!("ringfence{name}.1"));
        std::fs::read_to_string(path).unwrap()
    };
    assert!(page("").contains(".TH ringfence 1"));
    for command in ["explain", "matrix", "test", "check", "zones"] {
        let text = page(&format!("-{command}"));
        let example = format!("ringfence {command} ");
        assert!(
            text.contains("Examples:") && text.contains(&example),
            "{text}"
        );
    }
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let is_program = name == "ringfence";
        let command = name
            .replacen("lab-", "lab ", 1)
            .replacen("guard-", "guard ", 1)
            .replacen("host-firewall-", "host-firewall ", 1)
            .replacen('-', " ", 1);
        let shown = text.replace("\\-", "-");
        assert!(
            is_program || shown.contains("Example") && shown.contains(&command),
            "{name} shows no `{command}`"
        );
    }
    let hidden = directory.path().join("ringfence-internal.1");
    assert!(!hidden.exists(), "internal commands have no page");
}

#[test]
fn the_page_of_the_program_is_printed() {
    assert!(ringfence(&["man"]).expect(0).contains(".SH SUBCOMMANDS"));
}
