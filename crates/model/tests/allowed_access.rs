//! What is said about files of allowed access.

use ringfence_model::{AllowedAccess, Input, allowed_access};

const HEAD: &str = "apiVersion: ringfence.dev/v1alpha1\nkind: AllowedAccess\n";

/// What is read of `text` behind the first two lines, or the diagnostics, each as one line.
fn read(text: &str) -> Result<AllowedAccess, Vec<String>> {
    let input = Input {
        name: "allowed.yaml".to_owned(),
        text: format!("{HEAD}{text}"),
    };
    let found = allowed_access(&input);
    found.map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
}

#[test]
fn everything_is_read() {
    let found =
        read("allowed:\n- {from: [a/b, nodes], to: c/*, ports: [443, udp/53], reason: why}\n");
    let found = found.unwrap();
    let row = &found.allowed[0];
    assert_eq!((row.from.len(), row.to.len()), (2, 1));
    assert_eq!(row.to[0].text, "c/*");
    assert_eq!(row.ports[0].text, "443");
    assert_eq!(row.ports[1].text, "udp/53");
    assert_eq!(row.reason, "why");
    assert_eq!(row.source.as_ref().unwrap().line, 4);
    assert_eq!(read("allowed: []\n").unwrap().allowed, []);
}

#[test]
fn each_mistake_is_named_with_its_place() {
    let cases = [
        (
            "allowed:\n- {to: a/b, reason: why}\n",
            "allowed.yaml:4:3: error[AllowedAccess]: allowed[0].from: Required value: a workload, such as `shop/web`, or a place, such as `internet`",
        ),
        (
            "allowed:\n- {from: a/b, to: c/d}\n",
            "allowed.yaml:4:3: error[AllowedAccess]: allowed[0].reason: Required value: why it may be added, for those who read it later",
        ),
        (
            "allowed:\n- {from: a/b, to: c/d, reason: \" \"}\n",
            "allowed.yaml:4:32: error[AllowedAccess]: allowed[0].reason: Required value: why it may be added, for those who read it later",
        ),
        (
            "allowed:\n- {from: a/b, to: c/d, ports: [], reason: why}\n",
            "allowed.yaml:4:31: error[AllowedAccess]: allowed[0].ports: an empty list names no port: leave it away to mean every port",
        ),
        (
            "allowed:\n- {from: \"\", to: c/d, reason: why}\n",
            "allowed.yaml:4:10: error[AllowedAccess]: allowed[0].from: Invalid value: \"\": it says nothing",
        ),
        (
            "allowed:\n- {from: a/b, to: c/d, port: 80, reason: why}\n",
            "allowed.yaml:4:24: error[V-23]: unknown field `allowed[0].port`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).unwrap_err(), [expected], "{text}");
    }
}
