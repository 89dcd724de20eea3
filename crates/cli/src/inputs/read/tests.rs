use super::*;

/// A directory with `files`, each of which holds its own name.
fn directory(files: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        let path = directory.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("# {file}")).unwrap();
    }
    directory
}

fn names(directory: &tempfile::TempDir, depth: Depth) -> Vec<String> {
    let inputs = read(&[directory.path().to_owned()], depth, None).unwrap();
    assert_eq!(inputs.warnings, []);
    let short = |input: Input| {
        let name = Path::new(&input.name)
            .strip_prefix(directory.path())
            .unwrap();
        assert_eq!(input.text, format!("# {}", name.display()));
        name.display().to_string()
    };
    inputs.texts.into_iter().map(short).collect()
}

#[test]
fn a_directory_gives_its_manifests_in_order_of_name() {
    let files = [
        "b.yaml",
        "a.yml",
        "c.json",
        "README.md",
        "yaml",
        "d/a.yaml",
        "a/z.yaml",
        "a-b/x.yaml",
        "d/e/f.yaml",
    ];
    let directory = directory(&files);
    assert_eq!(
        names(&directory, Depth::Flat),
        ["a.yml", "b.yaml", "c.json"]
    );
    assert_eq!(
        names(&directory, Depth::Recursive),
        [
            "a/z.yaml",
            "a-b/x.yaml",
            "a.yml",
            "b.yaml",
            "c.json",
            "d/a.yaml",
            "d/e/f.yaml"
        ]
    );
}

#[test]
fn a_directory_without_manifests_is_refused() {
    let directory = directory(&["below/a.yaml", "other/README.md"]);
    let refusal = |path: &Path, depth| {
        let error = read(&[path.to_owned()], depth, None)
            .unwrap_err()
            .to_string();
        error.replace(&directory.path().display().to_string(), "DIR")
    };
    assert_eq!(
        refusal(directory.path(), Depth::Flat),
        "DIR holds no .yaml, .yml or .json file; --recursive reads the directories in it as well"
    );
    assert_eq!(
        refusal(&directory.path().join("other"), Depth::Recursive),
        "DIR/other holds no .yaml, .yml or .json file"
    );
}

#[test]
fn links_to_files_are_read_and_links_to_directories_are_not() {
    use std::os::unix::fs::symlink;

    let directory = directory(&["d/a.yaml"]);
    symlink("..", directory.path().join("d/up")).unwrap();
    symlink("d/a.yaml", directory.path().join("b.yaml")).unwrap();
    let inputs = read(&[directory.path().to_owned()], Depth::Recursive, None).unwrap();
    let texts: Vec<&str> = inputs
        .texts
        .iter()
        .map(|input| input.text.as_str())
        .collect();
    assert_eq!(texts, ["# d/a.yaml", "# d/a.yaml"]);
}

#[test]
fn what_does_not_exist_is_named() {
    let error = read(&["no/such.yaml".into()], Depth::Flat, None).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "cannot read no/such.yaml: No such file or directory (os error 2)"
    );
}

#[test]
fn a_file_on_disk_is_read_before_a_revision() {
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/repository");
    let base = directory(&["HEAD:a.yml"]);
    let git = base.path().join(".git");
    std::fs::write(&git, format!("gitdir: {repository}\n")).unwrap();
    let texts = |argument: &str| -> Vec<String> {
        let mut reader = Reader::at(base.path().to_owned(), Depth::Flat);
        reader.read(Path::new(argument)).unwrap();
        let texts = reader.inputs.texts.into_iter();
        texts.map(|input| input.text).collect()
    };
    assert_eq!(texts("HEAD:a.yml"), ["# HEAD:a.yml"]);
    assert_eq!(texts("main:a.yml"), ["# a\n"]);
    let refusal = |argument: &str| {
        let mut reader = Reader::at(base.path().to_owned(), Depth::Flat);
        format!("{:#}", reader.read(Path::new(argument)).unwrap_err())
    };
    let missing = refusal("HEAD:b.yml");
    assert!(
        missing.starts_with("cannot read HEAD:b.yml: revision `HEAD` has no `b.yml`"),
        "{missing}"
    );
    assert_eq!(
        refusal("b.yml"),
        "cannot read b.yml: No such file or directory (os error 2)"
    );
}
