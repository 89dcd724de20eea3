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
            text.contains(".SH EXAMPLES\n") && text.contains(&example),
            "{text}"
        );
        // A matrix is shown or not, which is no answer.
        let answers = command != "matrix";
        assert_eq!(text.contains(".SH \"EXIT STATUS\"\n0 "), answers, "{text}");
        let footer = concat!("\"ringfence ", env!("CARGO_PKG_VERSION"), "\"");
        assert!(text.contains(footer), "{text}");
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
            is_program || shown.contains(".SH EXAMPLES") && shown.contains(&command),
            "{name} shows no `{command}`"
        );
    }
    let hidden = directory.path().join("ringfence-internal.1");
    assert!(!hidden.exists(), "internal commands have no page");
}

#[test]
fn ends_of_help_have_the_headings_of_manual_pages() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    ringfence(&["man", "--directory", path]).expect(0);
    let page = directory.path().join("ringfence-explain.1");
    let text = std::fs::read_to_string(page).unwrap();
    let headings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix(".SH "))
        .collect();
    let last = headings.iter().skip_while(|heading| **heading != "OPTIONS");
    let last: Vec<&str> = last.copied().collect();
    assert_eq!(last, ["OPTIONS", "NOTES", "\"EXIT STATUS\"", "EXAMPLES"]);
}

/// What the program starts by itself is nothing to type.
#[test]
fn completions_offer_what_people_type() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ringfence(&["completions", shell]).expect(0);
        assert!(script.contains("explain"), "{shell}");
        assert!(
            !script.contains("internal") && !script.contains("lab-host"),
            "{shell}"
        );
    }
}

#[test]
fn the_page_of_the_program_is_printed() {
    assert!(ringfence(&["man"]).expect(0).contains(".SH SUBCOMMANDS"));
}
