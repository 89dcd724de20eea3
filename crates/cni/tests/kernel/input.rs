//! What every plugin must refuse, through the program.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::agent::{FakeAgent, Manner};
use crate::node::{Node, Outcome, Pod, file_names, finish, start};

pub(crate) fn wrong_input_is_refused_by_code_before_anything_happens() {
    let node = Node::new();
    let agent = FakeAgent::start(&node, Manner::Serve);
    let pod = Pod::new("c1");
    let with = |verb: &str, changes: &[(&str, &str)], input: &str| {
        let mut variables = pod.variables(verb);
        let changes = changes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        variables.extend(changes);
        finish(start(&variables, input.as_bytes()))
    };
    let good = node.config.to_string();
    let config = |changes: Value| node.config_with(&changes).to_string();
    let own = format!(
        "/proc/{}/task/{}/ns/net",
        std::process::id(),
        nix::unistd::gettid()
    );
    let same = "plugin's netns and netns from CNI_NETNS should not be the same";
    let cases: Vec<(Outcome, u64, &str)> = vec![
        (
            with("ADD", &[("CNI_NETNS", ""), ("CNI_IFNAME", "")], &good),
            4,
            "required env variables [CNI_NETNS,CNI_IFNAME] missing",
        ),
        (
            with("ADD", &[("CNI_CONTAINERID", "../x")], &good),
            4,
            "invalid characters in containerID",
        ),
        (
            with("DEL", &[("CNI_IFNAME", "a/b")], &good),
            4,
            "interface name contains / or : or whitespace characters",
        ),
        (with("PING", &[], &good), 4, "unknown CNI_COMMAND: PING"),
        (
            with("ADD", &[], "{"),
            6,
            "error parsing network config: EOF while parsing an object at line 1 column 1",
        ),
        (
            with("ADD", &[], &config(json!({"name": ""}))),
            7,
            "missing network name",
        ),
        (
            with("ADD", &[], &config(json!({"podCidrs": []}))),
            7,
            "missing `podCidrs`",
        ),
        (
            with("ADD", &[], &config(json!({"cniVersion": "9.9.9"}))),
            1,
            "incompatible CNI versions",
        ),
        (
            with("STATUS", &[], &config(json!({"cniVersion": "1.0.0"}))),
            1,
            "config version does not allow STATUS",
        ),
        (with("ADD", &[("CNI_NETNS", &own)], &good), 8, same),
        (with("DEL", &[("CNI_NETNS", &own)], &good), 8, same),
        (
            with("ADD", &[("CNI_NETNS", "/nowhere")], &good),
            8,
            "failed to open netns \"/nowhere\"",
        ),
        (
            with("ADD", &[("CNI_NETNS", "/etc/passwd")], &good),
            8,
            "failed to open netns \"/etc/passwd\"",
        ),
        (
            with("ADD", &[("CNI_NETNS", "/proc/self/ns/mnt")], &good),
            103,
            "cannot wire the pod",
        ),
    ];
    for (outcome, code, message) in cases {
        let (given, text, _) = outcome.error();
        assert_eq!((given, text.as_str()), (code, message));
    }
    assert_eq!(agent.requests(), []);
    assert_eq!(pod.links(), ["lo"]);
    node.assert_clean("nothing happened");
    let details = with("ADD", &[], &config(json!({"cniVersion": "9.9.9"})))
        .error()
        .2;
    let supported = r#"["0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]"#;
    assert_eq!(
        details,
        format!("config is \"9.9.9\", plugin supports {supported}")
    );
    let old = with(
        "ADD",
        &[("CNI_NETNS", "/nowhere")],
        &config(json!({"cniVersion": "0.4.0"})),
    );
    assert_eq!(old.output["cniVersion"], "0.4.0");
}

pub(crate) fn version_and_about_need_nothing() {
    let versions = json!({"cniVersion": "1.1.0",
        "supportedVersions": ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]});
    let variables = BTreeMap::from([("CNI_COMMAND".to_owned(), "VERSION".to_owned())]);
    for input in ["", "{\"cniVersion\": \"0.4.0\"}", "nonsense"] {
        assert_eq!(
            finish(start(&variables, input.as_bytes())).result(),
            versions
        );
    }
    let about = finish(start(&BTreeMap::new(), b""));
    assert!(about.success && about.output == Value::Null);
    let expected = "CNI protocol versions supported: 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0";
    assert!(about.log.trim().ends_with(expected), "{}", about.log);
    assert_eq!(
        file_names(std::path::Path::new("/run/ringfence")),
        Vec::<String>::new()
    );
}
