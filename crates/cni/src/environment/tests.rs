use super::*;

const WHOLE: &[(&str, &str)] = &[
    ("CNI_CONTAINERID", "c1"),
    ("CNI_NETNS", "/run/netns/p"),
    ("CNI_IFNAME", "eth0"),
    ("CNI_PATH", "/opt/cni/bin"),
];

/// The whole environment of `command`, with some variables set otherwise.
fn parse_with(command: &str, changes: &[(&str, &str)]) -> Result<Invocation, CniError> {
    let command = ("CNI_COMMAND", command);
    let all = WHOLE.iter().chain([&command]).chain(changes);
    parse(
        &all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    )
}

fn message(command: &str, changes: &[(&str, &str)]) -> String {
    let error = parse_with(command, changes).unwrap_err();
    assert_eq!(error.code.number(), 4, "{error}");
    error.message
}

#[test]
fn all_missing_variables_are_named_at_once() {
    let gone = |names: &[&'static str]| names.iter().map(|name| (*name, "")).collect::<Vec<_>>();
    let cases: &[(&str, &[&'static str], &str)] = &[
        (
            "ADD",
            &["CNI_NETNS", "CNI_IFNAME"],
            "[CNI_NETNS,CNI_IFNAME]",
        ),
        (
            "CHECK",
            &["CNI_PATH", "CNI_CONTAINERID"],
            "[CNI_CONTAINERID,CNI_PATH]",
        ),
        (
            "DEL",
            &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
            "[CNI_CONTAINERID,CNI_IFNAME]",
        ),
        (
            "GC",
            &["CNI_PATH", "CNI_NETNS", "CNI_CONTAINERID", "CNI_IFNAME"],
            "[CNI_PATH]",
        ),
        ("STATUS", &["CNI_PATH"], "[CNI_PATH]"),
    ];
    for (command, missing, named) in cases {
        let expected = format!("required env variables {named} missing");
        assert_eq!(message(command, &gone(missing)), expected, "{command}");
    }
}

#[test]
fn verbs_without_an_attachment_need_none() {
    let nothing = parse(&BTreeMap::new());
    assert_eq!(nothing, Ok(Invocation::About));
    let version = BTreeMap::from([("CNI_COMMAND".to_owned(), "VERSION".to_owned())]);
    assert_eq!(parse(&version), Ok(Invocation::Version));
    assert_eq!(parse_with("GC", &[]), Ok(Invocation::Gc));
    assert_eq!(parse_with("STATUS", &[]), Ok(Invocation::Status));
    assert_eq!(message("PING", &[]), "unknown CNI_COMMAND: PING");
}

#[test]
fn del_works_without_a_namespace() {
    let Ok(Invocation::Del(attachment)) = parse_with("DEL", &[("CNI_NETNS", "")]) else {
        panic!()
    };
    assert_eq!(attachment.netns, None);
}

#[test]
fn container_ids_follow_the_pattern() {
    for id in ["a", "0", "a_b.c-d", "4f2c1e0b7a9d"] {
        assert!(
            parse_with("ADD", &[("CNI_CONTAINERID", id)]).is_ok(),
            "{id}"
        );
    }
    for id in [
        "-a", ".", "..", "_a", "a/b", "a b", "a:b", "é", "a\n", "../etc",
    ] {
        let error = parse_with("ADD", &[("CNI_CONTAINERID", id)]).unwrap_err();
        assert_eq!(error.message, "invalid characters in containerID");
        assert_eq!((error.code.number(), error.details.as_str()), (4, id));
    }
}

#[test]
fn container_ids_fit_into_a_file_name() {
    assert!(parse_with("ADD", &[("CNI_CONTAINERID", &"a".repeat(200))]).is_ok());
    let long = "a".repeat(201);
    assert_eq!(
        message("ADD", &[("CNI_CONTAINERID", &long)]),
        "containerID is too long"
    );
}

#[test]
fn interface_names_are_those_the_kernel_takes() {
    for name in ["eth0", "a", "fifteen-letters", "..."] {
        assert!(parse_with("ADD", &[("CNI_IFNAME", name)]).is_ok(), "{name}");
    }
    let cases = [
        ("sixteen--letters", "interface name is too long"),
        (".", "interface name is . or .."),
        ("..", "interface name is . or .."),
        (
            "a/b",
            "interface name contains / or : or whitespace characters",
        ),
        (
            "a:b",
            "interface name contains / or : or whitespace characters",
        ),
        (
            "a b",
            "interface name contains / or : or whitespace characters",
        ),
        (
            "a\tb",
            "interface name contains / or : or whitespace characters",
        ),
        (
            "a\u{a0}b",
            "interface name contains / or : or whitespace characters",
        ),
    ];
    for (name, expected) in cases {
        for command in ["ADD", "CHECK", "DEL"] {
            assert_eq!(
                message(command, &[("CNI_IFNAME", name)]),
                expected,
                "{name}"
            );
        }
    }
}

#[test]
fn the_pod_is_read_from_the_arguments_of_kubernetes() {
    let text = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=u=1;;X=";
    let Ok(Invocation::Add(attachment)) = parse_with("ADD", &[("CNI_ARGS", text)]) else {
        panic!()
    };
    assert_eq!(attachment.subject(), "pod `shop/web`");
    assert_eq!(attachment.uid.as_deref(), Some("u=1"));
    let Ok(Invocation::Add(without)) = parse_with("ADD", &[("CNI_ARGS", "K8S_POD_NAME=web")])
    else {
        panic!()
    };
    assert_eq!(
        (without.pod.clone(), without.subject().as_str()),
        (None, "container `c1`")
    );
    assert_eq!(
        message("ADD", &[("CNI_ARGS", "foo")]),
        "invalid CNI_ARGS pair \"foo\""
    );
}

#[test]
fn the_namespace_check_can_be_overridden() {
    for (value, expected) in [("", false), ("0", false), ("1", true), ("True", true)] {
        let parsed = parse_with("ADD", &[("CNI_NETNS_OVERRIDE", value)]);
        let Ok(Invocation::Add(attachment)) = parsed else {
            panic!()
        };
        assert_eq!(attachment.netns_override, expected, "{value}");
    }
}
