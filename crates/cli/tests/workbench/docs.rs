//! The pages of commands show what the program really prints.
//!
//! Every block ```` ```console ```` of `docs/README.md`, `docs/commands`, `docs/operations` and of the README's part about the workbench is run from the root of the repository, each line that begins
//! with `$ ` by a shell that finds `ringfence`; lines with `> ` continue it. What follows is what it prints, errors too.
//! `$ echo $?` tells how the command before it ended. A line `...` stands for any lines.
//! `SNAPSHOTS=overwrite cargo test -p ringfence --test workbench docs` writes the pages anew.

use std::path::{Path, PathBuf};
use std::process::Command;

use snapbox::data::DataFormat;
use snapbox::{Data, IntoData as _};

use crate::support::{RINGFENCE, root, text, without_surroundings};

const FENCE: &str = "```";
const RUN: &str = "```console";
const ELISION: &str = "...";

#[test]
fn pages_show_what_the_commands_print() {
    let pages = pages();
    assert!(!pages.is_empty(), "there is no page of a command");
    let check = |page: &PathBuf| {
        let shown = std::fs::read_to_string(page).unwrap();
        assert!(shown.contains(RUN), "{} shows no command", page.display());
        let expected = Data::read_from(page, Some(DataFormat::Text)).raw();
        snapbox::Assert::new()
            .action_env(snapbox::assert::DEFAULT_ACTION_ENV)
            .try_eq(
                Some(&page.display()),
                replayed(&shown, run).into(),
                expected,
            )
            .err()
    };
    let wrong: Vec<String> = pages
        .iter()
        .filter_map(check)
        .map(|error| error.to_string())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first page, all pages of commands, and those of operations that show what a command prints.
fn pages() -> Vec<PathBuf> {
    let mut operations = pages_in("docs/operations");
    operations.retain(|page| std::fs::read_to_string(page).unwrap().contains(RUN));
    assert!(
        !operations.is_empty(),
        "no page of operations shows a command"
    );
    let first = vec![root().join("docs/README.md")];
    [first, pages_in("docs/commands"), operations].concat()
}

fn pages_in(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut pages: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages
}

/// What a command printed, and the exit code that the next one may ask for.
struct Printed {
    text: String,
    code: i32,
}

/// Runs one command after another that ended with `code`.
fn run(command: &str, code: i32) -> Printed {
    let programs = Path::new(RINGFENCE).parent().unwrap().display();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = without_surroundings(&mut Command::new("sh"))
        .args(["-c", &format!("exec 2>&1\n(exit {code})\n{command}")])
        .env("PATH", format!("{programs}:{path}"))
        .output()
        .expect("there is a shell");
    Printed {
        text: text(output.stdout),
        code: output.status.code().unwrap_or(-1),
    }
}

/// The page with the output that `run` gives for its commands; output that fits is left as it is shown.
fn replayed(page: &str, run: impl Fn(&str, i32) -> Printed) -> String {
    let mut lines = page.lines().peekable();
    let mut out = Vec::new();
    let mut code = 0;
    let mut inside = false;
    while let Some(line) = lines.next() {
        out.push(line.to_owned());
        if line.starts_with(FENCE) {
            inside = line == RUN;
            code = 0;
        }
        let Some(first) = line.strip_prefix("$ ").filter(|_| inside) else {
            continue;
        };
        let mut command = first.to_owned();
        while let Some(more) = lines.peek().and_then(|line| line.strip_prefix("> ")) {
            command = format!("{command}\n{more}");
            out.extend(lines.next().map(str::to_owned));
        }
        let mut shown = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ") && *line != FENCE) {
            shown.push(line);
        }
        let printed = run(&command, code);
        code = printed.code;
        out.extend(output(&shown, &printed.text));
    }
    out.join("\n") + "\n"
}

/// What to show of `printed`, where `shown` stands now. A blank line before the next command is the page's own.
fn output(shown: &[&str], printed: &str) -> Vec<String> {
    let kept = shown.iter().rposition(|line| !line.is_empty());
    let (text, gap) = shown.split_at(kept.map_or(0, |last| last + 1));
    let printed: Vec<&str> = printed.trim_end().lines().map(str::trim_end).collect();
    let lines = if fits(text, &printed) { text } else { &printed };
    lines
        .iter()
        .chain(gap)
        .map(|&line| line.to_owned())
        .collect()
}

/// Whether `printed` is `shown`, in which [`ELISION`] stands for any lines.
fn fits(shown: &[&str], printed: &[&str]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, found) => found.is_none(),
        (Some((&ELISION, rest)), found) => {
            fits(rest, printed) || found.is_some_and(|(_, left)| fits(shown, left))
        }
        (Some(_), None) => false,
        (Some((expected, rest)), Some((found, left))) => expected == found && fits(rest, left),
    }
}

#[test]
fn the_readme_shows_what_the_workbench_prints() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let begin = "<!-- printed by: the workbench -->\n";
    let (_, rest) = readme.split_once(begin).unwrap();
    let (shown, _) = rest.split_once("<!-- printed until here -->").unwrap();
    assert_eq!(shown.matches(RUN).count(), 3);
    assert_eq!(replayed(shown, run), shown);
}

#[test]
fn a_page_that_shows_something_else_is_corrected() {
    let page = "```console\n$ one\nold\n\n$ two\n> more\nkept\n...\n$ echo $?\n0\n```\n```sh\n$ one\nold\n```\n";
    let run = |command: &str, code: i32| Printed {
        text: match command {
            "one" => "new  \n\n".to_owned(),
            "two\nmore" => "kept\nand\nmuch else\n".to_owned(),
            "echo $?" => format!("{code}\n"),
            other => panic!("{other}"),
        },
        code: 1,
    };
    snapbox::assert_data_eq!(
        replayed(page, run),
        snapbox::str![[r#"
```console
$ one
new

$ two
> more
kept
...
$ echo $?
1
```
```sh
$ one
old
```

"#]]
        .raw()
    );
}

#[test]
fn elisions_stand_for_any_lines_and_nothing_else_does() {
    assert!(fits(&["a", "...", "c"], &["a", "b", "b", "c"]));
    assert!(fits(&["...", "c"], &["c"]) && fits(&["..."], &[]));
    assert!(!fits(&["a", "...", "c"], &["a", "b"]));
    assert!(!fits(&["a"], &["a", "b"]) && !fits(&["a", "b"], &["a"]));
}
