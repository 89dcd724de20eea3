use std::os::unix::fs::PermissionsExt;

use ringfence_model::Timestamp;

use super::*;

#[test]
fn a_line_that_is_no_lesson_ends_the_conversation() {
    let lesson = r#"{"number":1,"name":"a.b","addresses":[],"ttl":5}"#;
    let mut whole = BufReader::new(std::io::Cursor::new(format!("{lesson}\n").into_bytes()));
    assert_eq!(read_lesson(&mut whole).unwrap().unwrap().name, "a.b");
    assert!(read_lesson(&mut whole).unwrap().is_none());
    for bad in [
        lesson.to_owned(),
        "{}\n".to_owned(),
        "\n".to_owned(),
        "x".repeat(70_000),
    ] {
        let mut input = BufReader::new(std::io::Cursor::new(bad.into_bytes()));
        assert!(read_lesson(&mut input).is_err());
    }
}

#[test]
fn a_server_hears_what_is_wanted_and_which_of_its_lessons_are_done() {
    let mut servers = DnsServers::default();
    let names = vec![DomainName::Exact("a.b".to_owned())];
    servers.want(names.clone());
    let ((first, heard), (second, by_other)) = (channel(), channel());
    servers.add(1, first);
    servers.add(2, second);
    servers.begin(10, 1, 7);
    servers.begin(11, 2, 7);
    servers.remove(2);
    assert_eq!(servers.count(), 1);
    servers.taught(10);
    servers.taught(11);
    servers.taught(12);
    let lines: Vec<_> = heard.try_iter().collect();
    let wanted = LearnerLine::Wanted(names);
    assert_eq!(lines, [wanted.clone(), LearnerLine::Done(7)]);
    assert_eq!(by_other.try_iter().collect::<Vec<_>>(), [wanted]);
}

#[test]
fn what_is_written_down_is_read_and_what_is_broken_means_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory {
        path: folder.path().join("names.json"),
    };
    assert_eq!(memory.read(), []);
    let known = KnownAddress {
        name: "a.b".to_owned(),
        address: "192.0.2.1".parse().unwrap(),
        until: Timestamp(1_700_000_000_000),
    };
    memory.write(std::slice::from_ref(&known));
    let mode = fs::metadata(&memory.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(memory.read(), [known]);
    fs::write(&memory.path, "[{}]").unwrap();
    assert_eq!(memory.read(), []);
}
