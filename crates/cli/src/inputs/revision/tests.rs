//! The repository that tests read is described beside it, in `tests/data`.

use std::fs;
use std::path::PathBuf;

use super::*;

const PACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/repository");

/// A working tree in which nothing is checked out but an empty directory deploy/prod.
fn working_tree() -> tempfile::TempDir {
    let top = tempfile::tempdir().unwrap();
    copy(Path::new(PACKED), &top.path().join(".git"));
    fs::create_dir_all(top.path().join("deploy/prod")).unwrap();
    top
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copied = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &copied);
        } else {
            fs::write(copied, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

fn read_at(directory: &Path, named: &str, depth: Depth) -> anyhow::Result<Inputs> {
    let mut inputs = Inputs::default();
    Repository::enclosing(directory)?.read(
        RevisionPath::parse(Path::new(named)).unwrap(),
        depth,
        &mut Budget::default(),
        &mut inputs,
    )?;
    Ok(inputs)
}

fn names(named: &str, depth: Depth) -> Vec<String> {
    let top = working_tree();
    let inputs = read_at(top.path(), named, depth).unwrap();
    inputs.texts.into_iter().map(|input| input.name).collect()
}

/// What is said about `named`, which is read in the directory `below` of the working tree.
fn refusal_at(below: &str, named: &str) -> String {
    let top = working_tree();
    let error = read_at(&top.path().join(below), named, Depth::Flat).unwrap_err();
    let git = top.path().join(".git").display().to_string();
    format!("{error:#}").replace(&git, "GIT")
}

fn refusal(named: &str) -> String {
    refusal_at("", named)
}

fn text(revision: &str) -> String {
    let top = working_tree();
    let named = format!("{revision}:deploy/db.yaml");
    let mut inputs = read_at(top.path(), &named, Depth::Flat).unwrap();
    assert_eq!(inputs.texts.len(), 1);
    assert_eq!(inputs.texts[0].name, named);
    inputs.texts.remove(0).text
}

#[test]
fn revisions_are_named_as_for_git() {
    let old = [
        "v1.0",
        "refs/tags/v1.0",
        "fb307cb",
        "fb307cb7390eb0785da9f2f1af5418c5def2abd8",
        "HEAD~3",
        "main~2^",
        "HEAD^^2",
        "side",
        "v1.0^{commit}",
        "v1.0^{tree}",
        "@~3",
    ];
    for revision in old {
        assert!(text(revision).contains("client-7}"), "{revision}");
    }
    let new = [
        "HEAD",
        "@",
        "main",
        "origin/main",
        "light",
        "HEAD~1^1",
        "loose",
        "refs/heads/loose",
    ];
    for revision in new {
        assert!(text(revision).contains("client-seven}"), "{revision}");
    }
}

#[test]
fn objects_are_read_from_packs_and_from_files_of_their_own() {
    // The old text is a delta of the new one, and that one a delta of another file.
    let (old, new) = (text("v1.0"), text("main"));
    assert_eq!(old.lines().count(), 30);
    assert_eq!(new, old.replace("client-7}", "client-seven}"));
    let top = working_tree();
    let loose = read_at(top.path(), "loose:deploy/pod.yaml", Depth::Flat).unwrap();
    assert!(loose.texts[0].text.starts_with("kind: Pod\n"));
}

#[test]
fn a_directory_gives_its_manifests_in_order_of_name() {
    assert_eq!(
        names("origin/main:deploy", Depth::Flat),
        ["origin/main:deploy/db.yaml", "origin/main:deploy/web.yaml"]
    );
    assert_eq!(names("v1.0:", Depth::Flat), ["v1.0:a.yml"]);
    // As on disk: the directory `prod` comes before the file `prod.json`.
    let all = [
        "HEAD:a.yml",
        "HEAD:deploy/db.yaml",
        "HEAD:deploy/prod/x.yaml",
        "HEAD:deploy/prod.json",
        "HEAD:deploy/web.yaml",
        "HEAD:side.yaml",
    ];
    assert_eq!(names("HEAD:", Depth::Recursive), all);
    assert_eq!(names("HEAD:./", Depth::Recursive), all);
    assert_eq!(names("HEAD:deploy//", Depth::Recursive), all[1..5]);
}

#[test]
fn what_is_not_followed_is_told() {
    let told = |depth| -> Vec<String> {
        let top = working_tree();
        let inputs = read_at(top.path(), "HEAD:deploy", depth).unwrap();
        let warnings = inputs.warnings.into_iter();
        warnings.map(|warning| warning.message).collect()
    };
    let link = "`HEAD:deploy/link.yaml` is a symbolic link, and left out";
    let submodule = "`HEAD:deploy/vendor` is a submodule, and left out";
    assert_eq!(told(Depth::Flat), [link]);
    assert_eq!(told(Depth::Recursive), [link, submodule]);
    assert_eq!(
        refusal("HEAD:deploy/link.yaml"),
        "`HEAD:deploy/link.yaml` is a symbolic link to `db.yaml`, and links are not followed: name what it leads to"
    );
    assert_eq!(
        refusal("HEAD:deploy/vendor/x.yaml"),
        "`HEAD:deploy/vendor` is a submodule, whose files are in a repository of their own"
    );
}

#[test]
fn paths_begin_at_the_top_or_with_a_dot_at_the_current_directory() {
    let top = working_tree();
    let from = |below: &str, named: &str| {
        let inputs = read_at(&top.path().join(below), named, Depth::Flat).unwrap();
        inputs.texts[0].name.clone()
    };
    assert_eq!(from("deploy", "HEAD:deploy/db.yaml"), "HEAD:deploy/db.yaml");
    assert_eq!(from("deploy", "HEAD:./db.yaml"), "HEAD:deploy/db.yaml");
    assert_eq!(
        from("deploy/prod", "HEAD:../db.yaml"),
        "HEAD:deploy/db.yaml"
    );
    assert_eq!(from("deploy/prod", "HEAD:."), "HEAD:deploy/prod/x.yaml");
    assert_eq!(from("deploy", "HEAD:deploy/../a.yml"), "HEAD:a.yml");
    assert_eq!(
        refusal_at("deploy", "HEAD:../../a.yml"),
        "`../../a.yml` leads out of the repository"
    );
    let bare = read_at(Path::new(PACKED), "HEAD:./a.yml", Depth::Flat).unwrap_err();
    assert_eq!(
        bare.to_string(),
        "`./a.yml` begins at the current directory, which is in no working tree"
    );
}

#[test]
fn a_missing_revision_is_named_with_what_may_be_meant() {
    let missing = |revision| format!("there is no such file, and no revision `{revision}` in GIT");
    assert_eq!(refusal("nowhere:a.yml"), missing("nowhere"));
    assert_eq!(refusal("HEAD~9:a.yml"), missing("HEAD~9"));
    assert_eq!(refusal("ffffffff:a.yml"), missing("ffffffff"));
    assert_eq!(
        refusal("origin/mian:a.yml"),
        format!("{} (did you mean `origin/main`?)", missing("origin/mian"))
    );
    assert_eq!(refusal("HEAD..main:a.yml"), missing("HEAD..main"));
    let top = working_tree();
    fs::write(
        top.path().join(".git/shallow"),
        "ece1dac7d715fcff08a40a4e08979a783e8d480a\n",
    )
    .unwrap();
    let error = read_at(top.path(), "HEAD~9:a.yml", Depth::Flat).unwrap_err();
    assert!(
        error.to_string().contains("git fetch --unshallow"),
        "{error}"
    );
}

#[test]
fn a_missing_path_is_named_with_what_may_be_meant() {
    let table = [
        (
            "",
            "v1.0:deploy/dbs.yaml",
            "revision `v1.0` has no `deploy/dbs.yaml` (did you mean `db.yaml`?)",
        ),
        (
            "",
            "v1.0:deploy/prod",
            "revision `v1.0` has no `deploy/prod`; it is in the working tree alone",
        ),
        (
            "deploy",
            "v1.0:db.yaml",
            "revision `v1.0` has no `db.yaml`; paths begin at the top of the repository, and at the current directory is `v1.0:./db.yaml`",
        ),
        ("", "v1.0:zzzz/x", "revision `v1.0` has no `zzzz/x`"),
        (
            "",
            "v1.0:a.yml/b.yml",
            "`v1.0:a.yml` is a file, and has no `b.yml` in it",
        ),
        (
            "",
            "a.yml:a.yml",
            "there is no such file, and no revision `a.yml` in GIT",
        ),
        (
            "",
            "v1.0^{tree}:README.md/x",
            "`v1.0^{tree}:README.md` is a file, and has no `x` in it",
        ),
        (
            "",
            "d67064b:x",
            "`d67064b` is one file: name a commit before the `:`",
        ),
        (
            "",
            "HEAD:deploy/binary.txt",
            "HEAD:deploy/binary.txt is not UTF-8 text: byte 2 belongs to no character",
        ),
    ];
    for (below, named, expected) in table {
        assert_eq!(refusal_at(below, named), expected, "{named}");
    }
}

#[test]
fn a_directory_without_manifests_is_refused() {
    assert_eq!(
        refusal("loose:docs"),
        "loose:docs holds no .yaml, .yml or .json file; --recursive reads the directories in it as well"
    );
    assert_eq!(
        names("loose:docs", Depth::Recursive),
        ["loose:docs/more/a.yaml"]
    );
}

#[test]
fn objects_that_a_clone_lacks_are_told_from_paths_that_are_not_there() {
    let top = working_tree();
    let pod = "85/f4be0f74b28c462f1b5e72d1fd604c433c7bf8";
    fs::remove_file(top.path().join(".git/objects").join(pod)).unwrap();
    for named in ["loose:deploy/pod.yaml", "loose:deploy"] {
        let error = read_at(top.path(), named, Depth::Flat).unwrap_err();
        let said = "the repository cannot give object 85f4be0f74b28c462f1b5e72d1fd604c433c7bf8; a shallow or partial clone lacks objects";
        assert!(error.to_string().starts_with(said), "{error}");
    }
}

#[test]
fn a_damaged_repository_is_told_from_one_without_the_revision() {
    let top = working_tree();
    let pack = "objects/pack/pack-c7b71c6a85e9376077996b61900807bd7624c273.pack";
    let pack = top.path().join(".git").join(pack);
    let mut bytes = fs::read(&pack).unwrap();
    bytes[20..60].fill(b'x');
    fs::write(&pack, bytes).unwrap();
    let error = read_at(top.path(), "HEAD:a.yml", Depth::Flat).unwrap_err();
    assert_eq!(error.to_string(), "revision `HEAD` cannot be read");
    assert!(error.source().is_some());
}

#[test]
fn a_repository_of_another_format_is_refused() {
    let top = working_tree();
    let config = "[core]\nrepositoryformatversion = 1\n[extensions]\nobjectformat = sha256\n";
    fs::write(top.path().join(".git/config"), config).unwrap();
    let error = Repository::enclosing(top.path()).unwrap_err();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
    assert!(format!("{error:#}").contains("sha256"), "{error:#}");
    assert!(
        format!("{error:#}").contains("git worktree add"),
        "{error:#}"
    );
}

#[test]
fn outside_of_repositories_there_are_no_revisions() {
    let directory = tempfile::tempdir().unwrap();
    let error = Repository::enclosing(directory.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("there is no such file, and no git repository around"),
        "{error}"
    );
}

#[test]
fn a_linked_working_tree_and_a_bare_repository_have_revisions_too() {
    let bare = Path::new(PACKED);
    assert!(read_at(bare, "HEAD:a.yml", Depth::Flat).is_ok());

    let top = working_tree();
    let linked = tempfile::tempdir().unwrap();
    let git: PathBuf = top.path().join(".git/worktrees/linked");
    fs::create_dir_all(&git).unwrap();
    fs::write(
        git.join("HEAD"),
        "fb307cb7390eb0785da9f2f1af5418c5def2abd8\n",
    )
    .unwrap();
    fs::write(git.join("commondir"), "../..\n").unwrap();
    fs::write(
        git.join("gitdir"),
        format!("{}/.git\n", linked.path().display()),
    )
    .unwrap();
    fs::write(
        linked.path().join(".git"),
        format!("gitdir: {}\n", git.display()),
    )
    .unwrap();
    let inputs = read_at(linked.path(), "HEAD:./deploy", Depth::Flat).unwrap();
    let names: Vec<&str> = inputs
        .texts
        .iter()
        .map(|input| input.name.as_str())
        .collect();
    assert_eq!(names, ["HEAD:deploy/db.yaml"]);
    assert!(read_at(linked.path(), "main:side.yaml", Depth::Flat).is_ok());
}

#[test]
fn only_texts_with_a_colon_name_revisions() {
    let parsed =
        |text| RevisionPath::parse(Path::new(text)).map(|found| (found.revision, found.path));
    assert_eq!(parsed("HEAD~1:deploy/"), Some(("HEAD~1", "deploy/")));
    assert_eq!(parsed("HEAD:"), Some(("HEAD", "")));
    assert_eq!(parsed("HEAD:a:b"), Some(("HEAD", "a:b")));
    assert_eq!(parsed("deploy/db.yaml"), None);
    assert_eq!(
        refusal(":deploy"),
        "there is no such file, and before the `:` of REV:PATH is no revision, such as HEAD"
    );
}
