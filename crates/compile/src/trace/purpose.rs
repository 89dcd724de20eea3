//! What the sets and chains are for, in a line each; the contract is `docs/design/dataplane.md`.

/// What membership in the set `name` means.
pub(super) fn of_set(name: &str) -> &'static str {
    match name.trim_end_matches(['4', '6']) {
        "endpoints" => "interface and address of each pod of this node",
        "locals" => {
            "the addresses of the pods of this node, which come from their own interfaces alone"
        }
        "hairpin" => "pods of this node, which may reach themselves through a Service",
        "selves" => "whether policies of the cluster judge what a pod sends to itself",
        "egress" => "pods of this node whose egress is judged: what no rule allows is dropped",
        "ingress" => "pods of this node whose ingress is judged: what no rule allows is dropped",
        "peers" => "the class of each pod that a selector in a rule matches",
        "blocks" => "the class of each address block that a rule names",
        "names" => "the class of each address that a name in a rule is known to have, for a while",
        "egress-ports" | "ingress-ports" => "what becomes of one port of a class of peers",
        "egress-ranges" | "ingress-ranges" => {
            "what becomes of a range of ports of a class of peers"
        }
        "egress-peers" | "ingress-peers" => "what becomes of everything else of a class of peers",
        "egress-audit-ports"
        | "ingress-audit-ports"
        | "egress-audit-ranges"
        | "ingress-audit-ranges"
        | "egress-audit-peers"
        | "ingress-audit-peers" => {
            "the same if no policy were in audit mode: reported, not enforced"
        }
        "services" => "Service addresses and how many backends they have",
        "balances" => "how many backends each number stands for that a Service address leads to",
        "backends" => "the backends of Services",
        "entries" => "Service addresses and ports that those from outside reach on this node alone",
        "local-backends" => "the backends of these, which are on this node",
        "node-ports" => "ports at node addresses that lead to Services",
        "node-backends" => "the backends behind these ports",
        "sticky" => "the number of the backend that each client comes back to, as packets write it",
        "draws" | "local-draws" | "node-draws" => {
            "the numbers of backends that clients come back to, to draw one"
        }
        "kept" | "local-kept" | "node-kept" => "the backends that these numbers stand for",
        "behind" => "backends of Services that are open to the outside",
        "guarded" => "ports at load balancer addresses that let in only whom their Services list",
        "listed" => "who gets in there",
        "own" => "the addresses of this node",
        "unserved" => "Service ports without backend",
        "host" => "that the node itself is closed, and which firewalls close it",
        "host-peers" => "the class of who may connect to the node",
        "host-ports" | "host-ranges" => "ports of the node that a class gets in to",
        "trial" => "that other rules are tried out for the node: it leaves by itself",
        "trial-peers" | "trial-ports" | "trial-ranges" => {
            "the same of the rules that are tried out"
        }
        "pods" => "the blocks that pod addresses come from",
        "cluster" => "pod, Service and node addresses, which no masquerade hides",
        "tunnels" => "the port of the tunnels between nodes",
        "nodes" => "node addresses, which may feed a tunnel and have the ports of Services",
        "withheld" => "addresses that policies deny to pods in the network of this node",
        "opened" => {
            "what of these is open to whom: by the number of a pod's cgroup, or of that of all pods"
        }
        "all-pods" => {
            "the number of the cgroup that the pods of this node are in: what else they send there is dropped"
        }
        _ => "no set of ringfence",
    }
}
