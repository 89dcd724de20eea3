//! What keeps settings from being used.

use std::path::Path;

use ipnet::IpNet;

use super::{Plan, Services};

/// A path of a Unix socket may have so many bytes; the agent adds four while it makes one.
const LONGEST_SOCKET: usize = 103;
/// The kernel's limit is longer; a comment and messages hold the name as well.
const LONGEST_TABLE: usize = 64;
const LONGEST_NODE: usize = 253;
/// IPv6 requires this much of every link (RFC 8200, section 5).
const SMALLEST_MTU: u32 = 1280;
const LARGEST_MTU: u32 = 65535;

/// All that is wrong, in the order of the settings.
pub(super) fn problems(plan: &Plan) -> Vec<String> {
    let mut problems = Vec::new();
    problems.extend(node(&plan.node));
    problems.extend(blocks("pod", "--pod-cidr", &plan.pod_cidrs));
    problems.extend(blocks("Service", "--service-cidr", &plan.service_cidrs));
    problems.extend(missing(plan));
    problems.extend(overlaps(plan));
    problems.extend(table(&plan.table));
    let status = plan.agent().status_socket();
    problems.extend(absolute("--state-dir", &plan.state_dir));
    problems.extend(absolute("--cni-socket", &plan.cni_socket));
    problems.extend(short("--state-dir", &status));
    problems.extend(short("--cni-socket", &plan.cni_socket));
    problems.extend(installation(plan));
    if plan.tunnel_port == Some(0) {
        problems.push("--tunnel-port: 0 is no port".to_owned());
    }
    problems
}

/// What is installed needs both folders, and says nothing without them.
fn installation(plan: &Plan) -> Vec<String> {
    let folders = [
        ("--cni-conf-dir", &plan.cni_conf_dir),
        ("--cni-bin-dir", &plan.cni_bin_dir),
    ];
    let given = folders
        .iter()
        .filter_map(|(flag, folder)| Some((flag, folder.as_ref()?)));
    let mut problems: Vec<String> = given
        .filter_map(|(flag, path)| absolute(flag, path))
        .collect();
    let there = folders
        .iter()
        .filter(|(_, folder)| folder.is_some())
        .count();
    if there == 1 {
        problems.push(
            "--cni-conf-dir and --cni-bin-dir go together: the plugin and its network".to_owned(),
        );
    }
    let idle = !plan.cni_chain.is_empty() || plan.mtu.is_some();
    if there == 0 && idle {
        problems.push(
            "--cni-chain and --mtu are of the network that is written to --cni-conf-dir".to_owned(),
        );
    }
    if plan
        .mtu
        .is_some_and(|mtu| !(SMALLEST_MTU..=LARGEST_MTU).contains(&mtu))
    {
        problems.push(format!(
            "--mtu: not between {SMALLEST_MTU} and {LARGEST_MTU}"
        ));
    }
    problems
}

fn node(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some(
            "--node: no node is named; in a pod, set NODE_NAME from the field `spec.nodeName`"
                .to_owned(),
        );
    }
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    let is_name = name.len() <= LONGEST_NODE
        && name.chars().all(is_allowed)
        && !name.starts_with(['.', '-'])
        && !name.ends_with(['.', '-']);
    (!is_name).then(|| {
        format!("--node: `{name}` is no name of a node: lower case letters, digits, `-` and `.`")
    })
}

fn blocks(whose: &str, flag: &str, blocks: &[IpNet]) -> Vec<String> {
    let unclean = blocks.iter().filter(|block| block.trunc() != **block);
    let unclean = unclean.map(|block| {
        let meant = block.trunc();
        format!(
            "{flag}: `{block}` has bits behind its length; `{meant}` is the block that it lies in"
        )
    });
    let mut problems: Vec<String> = unclean.collect();
    let v4 = blocks.iter().filter(|block| matches!(block, IpNet::V4(_)));
    let v4 = v4.count();
    if v4 > 1 || blocks.len() - v4 > 1 {
        problems.push(format!(
            "{flag}: at most one block of {whose} addresses of each family"
        ));
    }
    problems
}

fn missing(plan: &Plan) -> Vec<String> {
    let mut problems = Vec::new();
    if plan.pod_cidrs.is_empty() {
        problems.push(
            "--pod-cidr: no block of pod addresses is named; it is what the controller manager is told as \
             `--cluster-cidr`"
                .to_owned(),
        );
    }
    if plan.service_cidrs.is_empty() && plan.services == Services::Nftables {
        problems.push(
            "--service-cidr: no block of Service addresses is named; `--services none` leaves Services to others, such as \
             kube-proxy"
                .to_owned(),
        );
    }
    problems
}

fn overlaps(plan: &Plan) -> Vec<String> {
    let pairs = plan.pod_cidrs.iter().flat_map(|pods| {
        let services = plan.service_cidrs.iter();
        services.map(move |services| (pods, services))
    });
    let overlap =
        |(pods, services): &(&IpNet, &IpNet)| pods.contains(*services) || services.contains(*pods);
    let told = |(pods, services)| {
        format!("--service-cidr: `{services}` and the block of pods `{pods}` overlap")
    };
    pairs.filter(overlap).map(told).collect()
}

fn table(name: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let is_name = name.len() <= LONGEST_TABLE
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(is_allowed);
    (!is_name).then(|| {
        format!("--table: `{name}` is no name of a table: a letter, then letters, digits, `-` and `_`, {LONGEST_TABLE} at most")
    })
}

fn absolute(flag: &str, path: &Path) -> Option<String> {
    let told = || format!("{flag}: `{}` does not begin with `/`", path.display());
    (!path.is_absolute()).then(told)
}

fn short(flag: &str, socket: &Path) -> Option<String> {
    let length = socket.as_os_str().len();
    (length > LONGEST_SOCKET).then(|| {
        format!(
            "{flag}: the socket `{}` has {length} bytes, and {LONGEST_SOCKET} are possible",
            socket.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Plan, Settings};

    fn settings(text: &str) -> Settings {
        serde_json::from_str(text).unwrap()
    }

    fn good() -> Settings {
        settings(
            r#"{"node": "a", "podCidrs": ["10.244.0.0/16"], "serviceCidrs": ["10.96.0.0/12"]}"#,
        )
    }

    /// What is said of good settings with these changes.
    fn refused(changes: &str) -> Vec<String> {
        settings(changes).or(good()).check().unwrap_err()
    }

    #[test]
    fn settings_of_the_command_line_count_more_than_those_of_a_file() {
        let plan: Plan = settings(r#"{"node": "b", "services": "none"}"#)
            .or(good())
            .check()
            .unwrap();
        assert_eq!(
            (plan.node.as_str(), plan.table.as_str()),
            ("b", "ringfence")
        );
        assert_eq!(plan.pod_cidrs, good().pod_cidrs);
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let problems = Settings::default().check().unwrap_err();
        let flags: Vec<&str> = problems
            .iter()
            .map(|it| it.split(':').next().unwrap())
            .collect();
        assert_eq!(flags, ["--node", "--pod-cidr", "--service-cidr"]);
    }

    #[test]
    fn what_cannot_be_is_told_with_what_was_meant() {
        for (changes, told) in [
            (r#"{"node": "A b"}"#, "--node: `A b` is no name of a node"),
            (
                r#"{"podCidrs": ["10.244.1.0/16"]}"#,
                "`10.244.0.0/16` is the block",
            ),
            (
                r#"{"podCidrs": ["10.1.0.0/16", "10.2.0.0/16"]}"#,
                "at most one block of pod",
            ),
            (
                r#"{"podCidrs": ["10.0.0.0/8"]}"#,
                "`10.96.0.0/12` and the block of pods `10.0.0.0/8` overlap",
            ),
            (r#"{"table": "a b"}"#, "--table: `a b`"),
            (
                r#"{"stateDir": "run"}"#,
                "--state-dir: `run` does not begin",
            ),
            (r#"{"tunnelPort": 0}"#, "0 is no port"),
            (r#"{"cniConfDir": "/etc/cni/net.d"}"#, "go together"),
            (
                r#"{"mtu": 1500}"#,
                "--cni-chain and --mtu are of the network",
            ),
            (
                r#"{"cniChain": ["portmap"]}"#,
                "--cni-chain and --mtu are of the network",
            ),
            (
                r#"{"cniConfDir": "/a", "cniBinDir": "/b", "mtu": 576}"#,
                "--mtu: not between 1280 and 65535",
            ),
            (
                r#"{"cniConfDir": "/a", "cniBinDir": "b"}"#,
                "--cni-bin-dir: `b` does not begin",
            ),
        ] {
            let problems = refused(changes);
            assert!(
                problems.len() == 1 && problems[0].contains(told),
                "{problems:?}"
            );
        }
        let long = format!(r#"{{"cniSocket": "/{}"}}"#, "x".repeat(103));
        assert!(
            refused(&long)[0].contains("104 bytes"),
            "{:?}",
            refused(&long)
        );
    }
}
