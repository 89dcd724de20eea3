//! `cargo xtask show`: what README shows is what the program printed, not what somebody remembers of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anstyle_svg::Term;
use anyhow::{Context as _, Result, ensure};

const PICTURE: &str = "docs/pictures/demo.svg";
const README: &str = "README.md";
/// The README's block between this line and the end of the code block after it is replaced.
const MARK: &str = "<!-- printed by: ringfence demo -->\n\n```console\n";
/// How many lines of the story the picture shows.
const PICTURE_LINES: usize = 46;

/// Runs the demonstration, and puts what it prints into README and into a picture.
pub(crate) fn run(root: &Path) -> Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--", "demo"])
        .current_dir(root)
        .env("CLICOLOR_FORCE", "1")
        .output()
        .context("cannot run the demonstration")?;
    ensure!(output.status.success(), "the demonstration failed");
    let printed = String::from_utf8(output.stdout).context("output that is not UTF-8")?;
    let shown: String = printed
        .lines()
        .take(PICTURE_LINES)
        .flat_map(|line| [line, "\n"])
        .collect();
    let picture = root.join(PICTURE);
    fs::create_dir_all(picture.parent().unwrap_or(root))?;
    fs::write(&picture, Term::new().render_svg(&shown))?;
    let plain = anstream::adapter::strip_str(&printed).to_string();
    let readme = root.join(README);
    let text = fs::read_to_string(&readme)?;
    fs::write(&readme, replaced(&text, plain.trim_start())?)?;
    println!("written: {PICTURE}, {README}");
    Ok(())
}

fn replaced(text: &str, printed: &str) -> Result<String> {
    let (before, rest) = text.split_once(MARK).context("README has lost its mark")?;
    let (_, after) = rest
        .split_once("\n```\n")
        .context("README's block has no end")?;
    Ok(format!(
        "{before}{MARK}{}\n```\n{after}",
        printed.trim_end()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marked_block_is_replaced() {
        let text = format!("a\n{MARK}old\nold\n```\nz\n");
        assert_eq!(
            replaced(&text, "new\n").unwrap(),
            format!("a\n{MARK}new\n```\nz\n")
        );
        assert!(replaced("no mark", "new").is_err());
    }
}
